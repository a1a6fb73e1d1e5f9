import { version } from '../../version.js';
import type { ProjectName } from '../../store/store-reader.js';

/** The page at `/`: the projects with links. */
export function projectsPage(projects: readonly ProjectName[], metricsPath: string): string {
  const items = projects.map(({ prefix, project }) => {
    const target = `${metricsPath}?project=${encodeURIComponent(prefix)}`;
    return `<li><a href="${escapeHtml(target)}">${escapeHtml(prefix)}</a>${project === prefix ? '' : ` ${escapeHtml(project)}`}</li>`;
  });
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Metrics of ${projects.length} projects</title>
<style>body{font:16px/1.6 system-ui,sans-serif;max-width:40em;margin:3em auto;padding:0 1em}</style>
<h1>Metrics of ${projects.length} projects</h1>
<p>Each is the sum of all processes of the project, by @org/orchestrator ${version}.</p>
<ul>
${items.join('\n')}
</ul>
<ul>
<li><a href="${escapeHtml(metricsPath)}">${escapeHtml(metricsPath)}</a> an overview of all projects, for Prometheus</li>
<li><a href="/sd">/sd</a> the projects as targets, for Prometheus' HTTP service discovery</li>
<li><a href="/healthz">/healthz</a> this process is alive</li>
<li><a href="/readyz">/readyz</a> the store can be read</li>
</ul>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
