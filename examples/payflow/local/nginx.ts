import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { once } from 'node:events';

import { Daemon } from './daemon.js';
import { nginxConfig, type NginxOptions } from './nginx-config.js';

export type NginxPorts = Pick<NginxOptions, 'httpPort' | 'httpsPort' | 'statusPort'>;

/** nginx before some instances on 127.0.0.1, with a certificate that it signs itself. */
export async function startNginx(
  parent: string,
  ports: NginxPorts,
  instancePorts: readonly number[],
  limits: Pick<NginxOptions, 'rate' | 'loginRate'>,
): Promise<Daemon> {
  const dir = join(parent, 'nginx');
  mkdirSync(dir, { recursive: true });
  const certificate = join(dir, 'certificate.pem');
  const certificateKey = join(dir, 'key.pem');
  makeCertificate(certificate, certificateKey);
  const file = join(dir, 'nginx.conf');
  const config = nginxConfig({
    ...ports,
    ...limits,
    instances: instancePorts.map((port) => `127.0.0.1:${port}`),
    listen: '127.0.0.1:',
    certificate,
    certificateKey,
    allowStatus: ['127.0.0.1'],
    dir,
  });
  writeFileSync(file, config);
  const daemon = new Daemon(
    'nginx',
    program(),
    ['-c', file, '-e', join(dir, 'error.log'), '-g', 'daemon off;'],
    { dir },
  );
  await daemon.until(async () => {
    const socket = connect(ports.httpPort, '127.0.0.1');
    await once(socket, 'connect').finally(() => socket.destroy());
  });
  return daemon;
}

export function makeCertificate(certificate: string, key: string): void {
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const kind = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '365',
  ];
  execFileSync('openssl', [...kind, ...subject, '-keyout', key, '-out', certificate], { stdio: 'pipe' });
}

function program(): string {
  return existsSync('/usr/sbin/nginx') ? '/usr/sbin/nginx' : 'nginx';
}
