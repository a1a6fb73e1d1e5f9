/** What Node is given to load before the application. */
export const PRELOAD = '@org/orchestrator/register';
export const PRELOAD_OPTION: string = `--require ${PRELOAD}`;

/** However the preload is written: by its name, or as the file that the name stands for. */
const HAS_PRELOAD = /@org[\\/]orchestrator[\\/](?:dist[\\/])?register/;

export function hasPreload(text: string): boolean {
  return HAS_PRELOAD.test(text);
}
