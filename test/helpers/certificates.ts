import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const openssl = (...args: string[]): Promise<unknown> => promisify(execFile)('openssl', args);

/** Paths of PEM files: an authority of its own, and what it signed for a server on 127.0.0.1 and for a client. */
export interface Certificates {
  readonly ca: string;
  readonly serverCert: string;
  readonly serverKey: string;
  readonly clientCert: string;
  readonly clientKey: string;
}

/**
 * Made anew for each test, so that no key lies in the repository and none expires.
 *
 * @param names that the certificates are for
 */
export async function makeCertificates(
  dir: string,
  names = 'IP:127.0.0.1,DNS:localhost',
): Promise<Certificates> {
  const path = (name: string): string => join(dir, name);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    path('ca.key'),
    '-out',
    path('ca.crt'),
    '-days',
    '2',
    '-subj',
    '/CN=test authority',
  );
  await writeFile(path('names'), `subjectAltName=${names}\n`);
  for (const name of ['server', 'client']) {
    await openssl(
      'req',
      ...newKey,
      '-keyout',
      path(`${name}.key`),
      '-out',
      path(`${name}.csr`),
      '-subj',
      `/CN=${name}`,
    );
    const request = ['-req', '-in', path(`${name}.csr`), '-out', path(`${name}.crt`), '-days', '2'];
    const authority = ['-CA', path('ca.crt'), '-CAkey', path('ca.key'), '-CAcreateserial'];
    await openssl('x509', ...request, ...authority, '-extfile', path('names'));
  }
  return {
    ca: path('ca.crt'),
    serverCert: path('server.crt'),
    serverKey: path('server.key'),
    clientCert: path('client.crt'),
    clientKey: path('client.key'),
  };
}
