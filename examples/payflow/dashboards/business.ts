import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';

import { dashboard, graph, stat } from './panels.js';

const rate = (metric: string): string => `rate(${metric}[$__rate_interval])`;
const processed = (matchers = ''): string => `payflow_transactions_processed_total${matchers}`;
/** A share is 0, not nothing, while nothing was refused. */
const refused = (range: string): string =>
  `(sum(increase(${processed('{status="refused"}')}[${range}])) or vector(0)) / (sum(increase(${processed()}[${range}])) > 0)`;

/** For those who run the business. */
export const business: Dashboard = dashboard(
  'payflow-business',
  'PayFlow / Business',
  'Payments, money and customers. All counts are sums over all instances.',
  [
    {
      title: 'Now',
      panels: [
        stat({
          title: 'Transactions per second',
          description: 'Transactions that were recorded, refused ones included.',
          unit: 'ops',
          queries: [[`sum(${rate(processed())})`, 'transactions']],
        }),
        stat({
          title: 'Refused',
          description:
            'Share of the transactions of the last five minutes that were refused: no funds, other currency, fraud.',
          unit: 'percentunit',
          warnAt: 0.1,
          alarmAt: 0.5,
          queries: [[refused('5m'), 'refused']],
        }),
        stat({
          title: 'Active users',
          description: 'Users who made a request in the last five minutes.',
          unit: 'short',
          queries: [['max(payflow_active_users)', 'users']],
        }),
        stat({
          title: 'Ledger',
          description:
            'Minor units that all entries sum to, and accounts that do not add up. Anything but 0 is money made or lost.',
          unit: 'short',
          alarmAt: 1,
          queries: [['sum(abs(payflow_ledger_imbalance)) + sum(payflow_ledger_mismatches)', 'wrong']],
        }),
      ],
    },
    {
      title: 'Payments',
      panels: [
        graph({
          title: 'Transactions by type and status',
          description: 'Deposits, withdrawals and transfers per second.',
          unit: 'ops',
          stacked: true,
          queries: [[`sum by (type, status) (${rate(processed())})`, '{{type}} {{status}}']],
        }),
        graph({
          title: 'Amounts per second',
          description: 'What completed transactions moved, in minor units (cents for EUR).',
          unit: 'short',
          queries: [
            [
              `sum by (type, currency) (${rate('payflow_transactions_amount_total')})`,
              '{{type}} {{currency}}',
            ],
          ],
        }),
        graph({
          title: 'Money held',
          description: 'Sum of all wallets in minor units, as of the last check of the ledger.',
          unit: 'short',
          queries: [['max by (currency) (payflow_ledger_held)', '{{currency}}']],
        }),
        graph({
          title: 'Repeated requests',
          description:
            'Requests that were answered from an earlier one with the same Idempotency-Key. Many: clients or the network have trouble.',
          unit: 'reqps',
          queries: [[`sum(${rate('payflow_idempotent_replays_total')})`, 'repeated']],
        }),
      ],
    },
    {
      title: 'Customers',
      panels: [
        graph({
          title: 'Requests by route',
          description: 'What customers do.',
          unit: 'reqps',
          stacked: true,
          queries: [
            [`sum by (method, route) (${rate('payflow_http_requests_total')})`, '{{method}} {{route}}'],
          ],
        }),
        graph({
          title: 'Duration of payments, 95 %',
          description: '95 of 100 payments took no longer than this.',
          unit: 's',
          queries: [
            [
              `histogram_quantile(0.95, sum by (route, le) (${rate('payflow_http_request_duration_seconds_bucket{route=~"/api/transactions/.*"}')}))`,
              '{{route}}',
            ],
          ],
        }),
        graph({
          title: 'Active users',
          description: 'Users who made a request in the last five minutes.',
          unit: 'short',
          queries: [['max(payflow_active_users)', 'users']],
        }),
        graph({
          title: 'Events for other systems',
          description: 'Transactions that were sent to the stream of events.',
          unit: 'ops',
          queries: [[`sum(${rate('payflow_outbox_published_total')})`, 'sent']],
        }),
      ],
    },
  ],
);
