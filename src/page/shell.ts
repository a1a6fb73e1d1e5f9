import type { PageFile } from './page-files.js';

/** What the page has to know before it knows anything; nothing of it is about a project. */
export interface ShellOptions {
  /** Whether one project is shown, or one of many can be chosen. */
  readonly isOfMany: boolean;
  /** Whether a token is asked for. */
  readonly needsToken: boolean;
  /** Whether a name and a password do as well. */
  readonly takesUsers: boolean;
}

/** Nothing but the page's own files, and no other page around it. */
export const CONTENT_SECURITY_POLICY: string = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/** The page without its content. All addresses are relative, so that it works below any path. */
export function shell(files: ReadonlyMap<string, PageFile>, options: ShellOptions): string {
  const address = (name: string): string => `page/${name}?v=${files.get(name)?.hash ?? ''}`;
  const { isOfMany, needsToken, takesUsers } = options;
  return `<!doctype html>
<html lang="en" data-of-many="${isOfMany}" data-needs-token="${needsToken}" data-takes-users="${takesUsers}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Metrics</title>
<link rel="icon" type="image/svg+xml" href="${address('icon.svg')}">
<link rel="stylesheet" href="${address('app.css')}">
<script type="module" src="${address('app.js')}"></script>
</head>
<body>
<div id="page"></div>
<noscript>This page needs JavaScript. The numbers for Prometheus do not.</noscript>
</body>
</html>
`;
}
