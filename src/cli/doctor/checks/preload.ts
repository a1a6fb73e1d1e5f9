import type { StartFacts } from '../facts/starts.js';
import { PRELOAD_OPTION } from '../../changes/preload.js';
import { withPreload } from '../../changes/start-command.js';
import { finding, type Finding } from '../findings.js';

/** Scripts without the preload, and a preload that is not installed. */
export function checkStarts(facts: StartFacts, hasPreload: (text: string) => boolean): Finding[] {
  const findings: Finding[] = [];
  const loaders = [
    ...(hasPreload(facts.nodeOptions) ? ['NODE_OPTIONS'] : []),
    ...Object.entries(facts.scripts).flatMap(([name, command]) =>
      hasPreload(command) ? [`the script "${name}"`] : [],
    ),
  ];
  const [where] = loaders;
  if (where !== undefined && !facts.isInstalled)
    findings.push(finding('not-installed', { folder: facts.folder, where }));
  if (hasPreload(facts.nodeOptions) || facts.startsInCode) return findings;
  for (const [name, command] of Object.entries(facts.scripts)) findings.push(...checkScript(name, command));
  const { ecosystem } = facts;
  if (ecosystem !== undefined && ecosystem.after !== ecosystem.before) {
    const fix = 'orchestrator init --start pm2';
    findings.push(
      finding('preload-missing', {
        where: ecosystem.file,
        command: 'an application without it in node_args',
        fix,
      }),
    );
  }
  return findings;
}

function checkScript(name: string, command: string): Finding[] {
  const edited = withPreload(command);
  if (edited.kind === 'as it was') return [];
  const fix = edited.kind === 'edited' ? edited.command : `NODE_OPTIONS="${PRELOAD_OPTION}" ${command}`;
  return [finding('preload-missing', { where: `the script "${name}"`, command, fix })];
}
