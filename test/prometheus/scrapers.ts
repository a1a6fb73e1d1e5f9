/** A scraper, and what it gets for the header that it sends. */
export interface ScraperRequest {
  readonly scraper: string;
  readonly accept: string | undefined;
  readonly contentType: string;
}

export const TEXT = 'text/plain; version=0.0.4; charset=utf-8';
export const TEXT1 = 'text/plain; version=1.0.0; charset=utf-8';
export const OPENMETRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
export const PROTOBUF =
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited';

/** `scrapeAcceptHeader` of Prometheus 2.42; prometheus.test.ts sees it on the wire. */
export const PROMETHEUS_2_42: ScraperRequest = {
  scraper: 'Prometheus 2.42',
  accept:
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
  contentType: `${OPENMETRICS}; escaping=underscores`,
};

/** `scrapeAcceptHeaderWithProtobuf`, likewise. */
export const PROMETHEUS_2_42_NATIVE: ScraperRequest = {
  scraper: 'Prometheus 2.42 with native histograms',
  accept:
    'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
  contentType: PROTOBUF,
};

/**
 * From 2.49 on Prometheus builds the header of a list of protocols (`acceptHeader` in scrape/scrape.go); these are what that
 * code makes of its defaults in the versions named, and its own test expects of 3.14. The others are literals of their
 * sources: lib/promscrape/client.go of VictoriaMetrics; Alloy has Prometheus' code, with legacy names as its default.
 */
export const SCRAPERS: readonly ScraperRequest[] = [
  PROMETHEUS_2_42,
  PROMETHEUS_2_42_NATIVE,
  {
    scraper: 'Prometheus 2.20 to 2.35',
    accept: 'application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    contentType: 'application/openmetrics-text; version=0.0.1; charset=utf-8',
  },
  {
    scraper: 'Prometheus 2.55',
    accept:
      'application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
    contentType: `${OPENMETRICS}; escaping=underscores`,
  },
  {
    scraper: 'Prometheus 3.0, which adds escaping to everything',
    accept:
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;escaping=allow-utf-8;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;escaping=allow-utf-8;q=0.3,*/*;q=0.2',
    contentType: `${OPENMETRICS}; escaping=allow-utf-8`,
  },
  {
    scraper: 'Prometheus 3.0 with native histograms',
    accept:
      'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;escaping=allow-utf-8;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;escaping=allow-utf-8;q=0.2,*/*;q=0.1',
    contentType: `${PROTOBUF}; escaping=allow-utf-8`,
  },
  {
    scraper: 'Prometheus 3.14',
    accept:
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
    contentType: `${OPENMETRICS}; escaping=allow-utf-8`,
  },
  {
    scraper: 'Prometheus 3.14 with native histograms',
    accept:
      'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1',
    contentType: PROTOBUF,
  },
  {
    scraper:
      'Prometheus 3.14 with scrape_protocols: [PrometheusText1.0.0], metric_name_escaping_scheme: values',
    accept: 'text/plain;version=1.0.0;escaping=values;q=0.6,*/*;q=0.5',
    contentType: `${TEXT1}; escaping=values`,
  },
  {
    scraper: 'Prometheus’ documentation',
    accept:
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,/;q=0.1',
    contentType: `${OPENMETRICS}; escaping=allow-utf-8`,
  },
  {
    scraper: 'Grafana Alloy',
    accept:
      'application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=underscores;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
    contentType: `${OPENMETRICS}; escaping=underscores`,
  },
  {
    scraper: 'Grafana Alloy with native histograms',
    accept:
      'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=underscores;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1',
    contentType: PROTOBUF,
  },
  {
    scraper: 'VictoriaMetrics, vmagent',
    accept: 'text/plain;version=0.0.4;q=1,*/*;q=0.1',
    contentType: TEXT,
  },
  { scraper: 'curl, wget', accept: '*/*', contentType: TEXT },
  {
    scraper: 'Firefox, Safari',
    accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    contentType: TEXT,
  },
  {
    scraper: 'Chrome, Edge',
    accept:
      'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7',
    contentType: TEXT,
  },
  { scraper: 'netcat', accept: undefined, contentType: TEXT },
];
