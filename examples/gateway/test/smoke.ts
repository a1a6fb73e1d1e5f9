import { userService } from '../services/user-service.js';
import { orderService } from '../services/order-service.js';
import { startPostgres, startRedis } from '../demo/servers.js';
import { migrate } from '../src/flows/database.js';
import { readSettings } from '../src/settings/read-settings.js';
import { GatewayProcess, ROOT } from './helpers/gateway-process.js';
async function main() {
  const u = userService(), o = orderService();
  const [uu, oo] = [await u.listen(0), await o.listen(0)];
  const [r, p] = await Promise.all([startRedis(), startPostgres()]);
  const env = { DB_CONNECTION: 'pgsql', DB_PORT: String(p.port), REDIS_HOST: '127.0.0.1', REDIS_PORT: String(r.port), ORCHESTRATOR_REDIS_URL: `redis://127.0.0.1:${r.port}`, SERVICE_USER_BASE_URL: uu, SERVICE_ORDER_BASE_URL: oo, APP_DEBUG: 'true' };
  console.log(await migrate(readSettings(env)));
  const g = await GatewayProcess.start({ configFile: ROOT + '/gateway.config.yaml', env });
  const show = async (path: string, init?: RequestInit) => { const x = await fetch(g.url + path, init); console.log(path, x.status, JSON.stringify(Object.fromEntries(x.headers)).slice(0, 500), (await x.text()).slice(0, 1500)); };
  await show('/users'); await show('/users'); await show('/users/1'); await show('/shop/stock'); await show('/orders/1'); await show('/orders/1', { headers: { 'x-api-key': 'demo-key' } });
  const post = (body: object, headers = {}) => show('/orchestrate', { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) });
  await post({ action: 'create-order', payload: { user: '1', amount: 5, items: [{ sku: 'apple', quantity: 1 }] } });
  await post({ action: 'create-order', payload: { user: '5', amount: 5, items: [{ sku: 'apple', quantity: 1 }] } });
  await post({ action: 'create-order', payload: { user: '1', amount: 5, items: [{ sku: 'melon', quantity: 1 }] } });
  await post({ action: 'create-order', payload: { user: 1 } });
  await post({ action: 'create-order', payload: { user: '1', amount: 5, items: [{ sku: 'apple', quantity: 1 }] } }, { prefer: 'respond-async' });
  await show('/orchestrate?limit=2'); await show('/health'); await show('/status'); await show('/nope'); await show('/users/..%2fx');
  console.log([...(await g.metrics())].filter(([k]) => k.startsWith('gateway') && !k.includes('_bucket')).map((x) => x.join(' ')).join('\n'));
  console.log(o.effects, u.effects);
  await g.stop(); console.log(g.output); await Promise.all([r.stop(), p.stop()]); await u.app.close(); await o.app.close();
}
main().catch(e => { console.error(e); process.exit(1); });
