/** How the program is called: `bin` of package.json. */
export const PROGRAM = 'orchestrator';
