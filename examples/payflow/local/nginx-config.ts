export interface NginxOptions {
  /** `host:port` of the instances. */
  readonly instances: readonly string[];
  readonly httpPort: number;
  readonly httpsPort: number;
  /** Status, and metrics for Prometheus. */
  readonly statusPort: number;
  /** Addresses to listen on: `127.0.0.1:` for a local run, nothing in a container. */
  readonly listen: string;
  readonly certificate: string;
  readonly certificateKey: string;
  /** Requests per second of one address, and of log-ins. */
  readonly rate: number;
  readonly loginRate: number;
  /** Who may see status and metrics. */
  readonly allowStatus: readonly string[];
  /** Where nginx keeps its temporary files, for a local run. */
  readonly dir?: string;
}

const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

/** The configuration of nginx: for containers it is committed as nginx/nginx.conf, for a local run it is written anew. */
export function nginxConfig(options: NginxOptions): string {
  const { listen, httpPort, httpsPort, statusPort, dir } = options;
  return `# Written by \`npm run generate\` from local/nginx-config.ts.
worker_processes 1;
${dir === undefined ? 'error_log /dev/stderr warn;' : `pid ${dir}/nginx.pid;\nerror_log ${dir}/error.log warn;`}

events {
  worker_connections 4096;
}

http {
  access_log off;
${dir === undefined ? '' : TEMPORARY.map((name) => `  ${name}_temp_path ${dir}/${name};\n`).join('')}
  # An instance that fails three times within 5 s gets no requests for 5 s.
  upstream payflow {
    least_conn;
${options.instances.map((instance) => `    server ${instance} max_fails=3 fail_timeout=5s;`).join('\n')}
    keepalive 64;
  }

  limit_req_zone $binary_remote_addr zone=api:10m rate=${options.rate}r/s;
  limit_req_zone $binary_remote_addr zone=login:10m rate=${options.loginRate}r/s;
  limit_req_status 429;

  ssl_certificate ${options.certificate};
  ssl_certificate_key ${options.certificateKey};
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache shared:tls:10m;

  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_connect_timeout 1s;
  proxy_read_timeout 15s;
  # A request that changes something is never sent to a second instance once the first may have seen it: the client repeats it
  # with its Idempotency-Key.
  proxy_next_upstream error timeout http_502;
  proxy_next_upstream_tries 2;
  client_max_body_size 512k;

  server {
    listen ${listen}${httpPort};
    listen ${listen}${httpsPort} ssl;

    location / {
      limit_req zone=api burst=${options.rate * 2} nodelay;
      proxy_pass http://payflow;
    }

    # Guessing of passwords is slowed down.
    location = /api/login {
      limit_req zone=login burst=${options.loginRate * 2} nodelay;
      proxy_pass http://payflow;
    }

    # Probes are not limited.
    location /health {
      proxy_pass http://payflow;
    }

    # Of every instance the same sum. Not for the public.
    location = /metrics {
      return 404;
    }
  }

  server {
    listen ${listen}${statusPort};
${options.allowStatus.map((address) => `    allow ${address};`).join('\n')}
    deny all;

    location = /nginx_status {
      stub_status;
    }

    location = /metrics {
      proxy_pass http://payflow;
    }
  }
}
`;
}
