import { version } from '../../version.js';
import type { ProjectName } from '../../store/store-reader.js';

/** The answer at `/` for who is no browser: the projects, and where their metrics are. */
export function projectsText(projects: readonly ProjectName[], metricsPath: string): string {
  const lines = projects.map(({ prefix, project }) => {
    const target = `${metricsPath}?project=${encodeURIComponent(prefix)}`;
    return `${target}${project === prefix ? '' : `  ${oneLine(project)}`}\n`;
  });
  return `Metrics of ${projects.length} projects, by @org/orchestrator ${version}.

/  in a browser: the live page
${metricsPath}  an overview of all of them
/sd  a list of targets for Prometheus
${lines.join('')}`;
}

function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, ' ');
}
