import { version } from '../version.js';

/** The page at `/`: a title and links. `prefix` is sanitized; `path` may hold anything but white space. */
export function landingPage(prefix: string, path: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Metrics of ${prefix}</title>
<style>body{font:16px/1.6 system-ui,sans-serif;max-width:40em;margin:3em auto;padding:0 1em}</style>
<h1>Metrics of ${prefix}</h1>
<p>The sum of all processes of this project, by @org/orchestrator ${version}.</p>
<ul>
${link(path, 'for Prometheus')}
${link('/health', 'store, instances and the checks of the application, as JSON')}
${link('/healthz', 'this process is alive')}
${link('/readyz', 'the store answers and the last flush is fresh')}
</ul>
</html>
`;
}

function link(target: string, text: string): string {
  return `<li><a href="${escapeHtml(target)}">${escapeHtml(target)}</a> ${text}</li>`;
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
