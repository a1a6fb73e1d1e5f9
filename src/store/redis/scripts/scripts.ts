import { createHash } from 'node:crypto';

import { MAX_EXPONENTIAL_BUCKETS } from '../../../model/exponential-histogram.js';
import { OVERFLOW_SERIES, encodeSeries } from '../../../model/series.js';

/**
 * Lua that runs inside Redis. It stays within what Redis 6.2, Redis 7, Valkey and Dragonfly offer: `struct`, no
 * redis.setresp, no functions. Time is the server's. Every key comes through KEYS, every number through tonumber.
 */
export interface RedisScript {
  readonly lua: string;
  readonly sha: string;
}

function script(lua: string): RedisScript {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') };
}

const NOW = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
`;

/**
 * Applies one part of a batch: all of it or nothing, once.
 *
 * KEYS  1 project, 2 families, 3 instances, 4 instance; then for each block: values, labels
 * ARGV  1 full (1: labels, descriptors, resource and all current values of the instance are in this message)
 *       2 position, 3 position of the part before
 *       4 expected epoch (`*`: any, `''`: no project yet), 5 schema, 6 project name, 7 lease
 *       8 lease length (ms), 9 series ttl (ms), 10 key ttl (ms), 11 series per family, 12 resource (JSON), 13 number of blocks
 *       then each block: family key, descriptor (JSON or ''), mode (d: add, e: add exponential histograms, k: keep,
 *         c: current), width, n, n ids, payload (n * width little-endian doubles; k and c: [ageMs, value]; e: each point
 *         preceded by its own width), l, l times (index, labels), r, r ids to remove (c)
 * Returns { 'ok', epoch, overflowed points of d and e, then block index and id of each k or c point beyond the cap }
 *         { 'seen', epoch }            this position was applied before
 *         { 'resend', epoch or '' }    something is unknown here: send the same part again, full
 *         { 'behind', epoch, position } the store knows less than it confirmed (failover): replay from there
 *         { 'taken', name } { 'schema', version }
 */
export const APPLY: RedisScript = script(`${NOW}
local full = ARGV[1] == '1'
local position, previous, expected = ARGV[2], ARGV[3], ARGV[4]
local lease, ttl, keyTtl, maxSeries = ARGV[7], tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])

local project = redis.call('HMGET', KEYS[1], 'epoch', 'name', 'schema')
local epoch = project[1]
if epoch then
  if project[3] ~= ARGV[5] then return {'schema', project[3] or ''} end
  if project[2] ~= ARGV[6] then return {'taken', project[2] or ''} end
end
if expected ~= '*' and expected ~= (epoch or '') then return {'resend', epoch or ''} end
if not epoch and not full then return {'resend', ''} end

local applied = redis.call('HGET', KEYS[4], 'position')
if applied and tonumber(applied) >= tonumber(position) then return {'seen', epoch or ''} end
if not full then
  local listed = redis.call('ZSCORE', KEYS[3], lease)
  -- Lease and position are written together, so that a failover loses both. A position that is missing alone was evicted:
  -- what it stood for is still there, and must not be added again.
  if (applied or not listed) and (applied or '0') ~= previous then return {'behind', epoch, applied or '0'} end
  if not applied or not listed then return {'resend', epoch} end
end

-- First pass: read, so that nothing is written when something is missing.
local blocks, a = {}, 14
for b = 1, tonumber(ARGV[13]) do
  local block = {
    key = ARGV[a], descriptor = ARGV[a + 1], mode = ARGV[a + 2], width = tonumber(ARGV[a + 3]), n = tonumber(ARGV[a + 4]),
    values = KEYS[3 + 2 * b], labels = KEYS[4 + 2 * b], ids = {}, text = {}, existing = {}, removed = {},
  }
  a = a + 5
  for i = 1, block.n do block.ids[i] = ARGV[a + i - 1] end
  a = a + block.n
  block.payload = ARGV[a]
  local l = tonumber(ARGV[a + 1])
  a = a + 2
  for i = 1, l do
    block.text[tonumber(ARGV[a])] = ARGV[a + 1]
    a = a + 2
  end
  local r = tonumber(ARGV[a])
  for i = 1, r do block.removed[i] = block.key .. '/' .. ARGV[a + i] end
  a = a + r + 1
  if redis.call('HLEN', block.values) ~= redis.call('HLEN', block.labels) then
    -- One of the two was evicted. What is left cannot be shown; the family begins anew.
    redis.call('DEL', block.values, block.labels)
  end
  if block.descriptor == '' and redis.call('HEXISTS', KEYS[2], block.key) == 0 then return {'resend', epoch} end
  if block.n > 0 then
    block.existing = redis.call('HMGET', block.values, unpack(block.ids))
    for i = 1, block.n do
      if not block.existing[i] and not block.text[i] then return {'resend', epoch} end
    end
  end
  blocks[b] = block
end

-- Second pass: write.
if not epoch then
  epoch = lease .. ':' .. now
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'name', ARGV[6], 'schema', ARGV[5], 'createdMs', now)
end
if full then redis.call('DEL', KEYS[4]) end

local formats = {}
local function format(width)
  local f = formats[width]
  if not f then
    f = '<' .. string.rep('d', width)
    formats[width] = f
  end
  return f
end

local read, write = struct.unpack, struct.pack
local function add(packed, delta, offset, width)
  local sum, d = {read(format(width + 2), packed)}, {read(format(width), delta, offset)}
  sum[1] = now
  for j = 1, width do
    local n = d[j]
    if n ~= 0 then sum[j + 2] = sum[j + 2] + n end
  end
  return write(format(width + 2), unpack(sum, 1, width + 2))
end

-- Exponential histograms: the layout and the rules of exponential.ts, numbers counted from 1.
local function runs(v, n) return {{v[5], 8, v[6]}, {v[7], 8 + v[6], n - 7 - v[6]}} end

-- First and last bucket that the runs of one sign share at a scale that is lower by 'by'; false if they are empty.
local function range(a, b, by)
  local first, last = false, false
  for _, run in ipairs({a, b}) do
    if run[3] > 0 then
      local group = 2 ^ (run.down + by)
      local f, l = math.floor(run[1] / group), math.floor((run[1] + run[3] - 1) / group)
      if not first or f < first then first = f end
      if not last or l > last then last = l end
    end
  end
  return first, last
end

local function addExponential(packed, delta, offset, width)
  local n = #packed / 8 - 2
  local a, b = {struct.unpack(format(n), packed, 17)}, {struct.unpack(format(width), delta, offset)}
  local scale = math.min(a[1], b[1])
  local ra, rb = runs(a, n), runs(b, width)
  local by, ranges = 0, {}
  for side = 1, 2 do
    ra[side].down, rb[side].down = a[1] - scale, b[1] - scale
    local first, last = range(ra[side], rb[side], by)
    while first and last - first >= ${MAX_EXPONENTIAL_BUCKETS} do
      by = by + 1
      first, last = range(ra[side], rb[side], by)
    end
  end
  local sum = {now, select(2, struct.unpack('<dd', packed)), scale - by, math.max(a[2], b[2]), a[3] + b[3], a[4] + b[4], 0, 0, 0}
  for side = 1, 2 do
    local first, last = range(ra[side], rb[side], by)
    local base = #sum
    if first then
      for k = 1, last - first + 1 do sum[base + k] = 0 end
      for _, side_of in ipairs({{a, ra[side]}, {b, rb[side]}}) do
        local v, run = side_of[1], side_of[2]
        local group = 2 ^ (run.down + by)
        for k = 0, run[3] - 1 do
          local target = base + 1 + math.floor((run[1] + k) / group) - first
          sum[target] = sum[target] + v[run[2] + k]
        end
      end
    end
    sum[side == 1 and 7 or 9] = first or 0
    if side == 1 then sum[8] = first and last - first + 1 or 0 end
  end
  return struct.pack(format(#sum), unpack(sum))
end

local overflowed = 0
local reply = {'ok', epoch, 0}
for b = 1, #blocks do
  local block = blocks[b]
  local width, mode = block.width, block.mode
  local size = redis.call('HLEN', block.values) - redis.call('HEXISTS', block.values, '${OVERFLOW_SERIES.id}')
  local out, o, labels, t, fields, f = {}, 0, {}, 0, {}, 0
  local beyond = {}
  local addTo = mode == 'e' and addExponential or add
  local offset, n = 1, width
  for i = 1, block.n do
    local id, packed = block.ids[i], block.existing[i]
    if mode == 'e' then
      n = struct.unpack('<d', block.payload, offset)
      offset = offset + 8
    end
    local length = (mode == 'd' and width or (mode == 'k' and 1 or 0)) * 8 + 16
    if packed and mode ~= 'e' and #packed ~= length then packed = false end
    local admitted = true
    if not block.existing[i] then
      if size >= maxSeries and id ~= '${OVERFLOW_SERIES.id}' then
        admitted = false
      else
        if id ~= '${OVERFLOW_SERIES.id}' then size = size + 1 end
        t = t + 2
        labels[t - 1], labels[t] = id, block.text[i]
      end
    elseif full and block.text[i] then
      t = t + 2
      labels[t - 1], labels[t] = id, block.text[i]
    end
    if mode == 'd' or mode == 'e' then
      if not admitted then
        beyond[#beyond + 1] = {offset, n}
      else
        o = o + 2
        out[o - 1] = id
        if packed then
          out[o] = addTo(packed, block.payload, offset, n)
        else
          out[o] = struct.pack('<dd', now, now) .. string.sub(block.payload, offset, offset + n * 8 - 1)
        end
      end
    elseif not admitted then
      reply[#reply + 1] = b
      reply[#reply + 1] = id
    else
      local age, value = struct.unpack('<dd', block.payload, offset)
      local recorded = now - age
      if mode == 'k' then
        if packed then
          local _, before, kept = struct.unpack('<ddd', packed)
          if before > recorded then recorded, value = before, kept end
        end
        o = o + 2
        out[o - 1], out[o] = id, struct.pack('<ddd', now, recorded, value)
      else
        if not packed or struct.unpack('<d', packed) < now - ttl / 4 then
          o = o + 2
          out[o - 1], out[o] = id, struct.pack('<dd', now, now)
        end
        f = f + 2
        fields[f - 1], fields[f] = block.key .. '/' .. id, struct.pack('<dd', recorded, value)
      end
    end
    offset = offset + n * 8
  end
  if o > 0 then redis.call('HSET', block.values, unpack(out)) end
  if t > 0 then redis.call('HSET', block.labels, unpack(labels)) end
  if #beyond > 0 then
    overflowed = overflowed + #beyond
    local rest = redis.call('HGET', block.values, '${OVERFLOW_SERIES.id}')
    local first = 1
    if not rest or (mode == 'd' and #rest ~= width * 8 + 16) then
      rest = struct.pack('<dd', now, now) .. string.sub(block.payload, beyond[1][1], beyond[1][1] + beyond[1][2] * 8 - 1)
      first = 2
      redis.call('HSET', block.labels, '${OVERFLOW_SERIES.id}', '${encodeSeries(OVERFLOW_SERIES.scope, OVERFLOW_SERIES.attributes)}')
    end
    for i = first, #beyond do rest = addTo(rest, block.payload, beyond[i][1], beyond[i][2]) end
    redis.call('HSET', block.values, '${OVERFLOW_SERIES.id}', rest)
  end
  if f > 0 then redis.call('HSET', KEYS[4], unpack(fields)) end
  if #block.removed > 0 then redis.call('HDEL', KEYS[4], unpack(block.removed)) end
  if block.descriptor ~= '' then
    local before = redis.call('HGET', KEYS[2], block.key)
    local created = before and string.match(before, '^{"createdMs":(%d+)') or string.format('%d', now)
    redis.call('HSET', KEYS[2], block.key, '{"createdMs":' .. created .. ',' .. string.sub(block.descriptor, 2))
  end
  redis.call('PEXPIRE', block.values, keyTtl)
  redis.call('PEXPIRE', block.labels, keyTtl)
end
redis.call('HSET', KEYS[4], 'position', position)
if full then redis.call('HSET', KEYS[4], 'resource', ARGV[12]) end
redis.call('ZADD', KEYS[3], now + tonumber(ARGV[8]), lease)
for k = 1, 4 do redis.call('PEXPIRE', KEYS[k], keyTtl) end
reply[3] = overflowed
return reply
`);

/**
 * Ends leases: what the instances currently say goes, their position stays, so that a batch that arrives late is still
 * recognized.
 *
 * KEYS  1 instances, then one instance key for each lease
 * ARGV  1 force (1: end the lease now, 0: only if it has ended), 2 key ttl (ms), then the leases
 * Returns the number of leases ended.
 */
export const END_LEASES: RedisScript = script(`${NOW}
local retired = 0
for i = 3, #ARGV do
  local ends = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if ends and (ARGV[1] == '1' or tonumber(ends) < now) then
    local key = KEYS[i - 1]
    local position = redis.call('HGET', key, 'position')
    redis.call('DEL', key)
    if position then
      redis.call('HSET', key, 'position', position)
      redis.call('PEXPIRE', key, tonumber(ARGV[2]))
    end
    redis.call('ZREM', KEYS[1], ARGV[i])
    retired = retired + 1
  end
end
return retired
`);

/**
 * Deletes expired series of one family, a page at a time, so that Redis is never held long.
 *
 * KEYS  1 families, 2 values, 3 labels
 * ARGV  1 family key, 2 cursor, 3 series ttl (ms), 4 fields a page
 * Returns { next cursor, number deleted }; cursor '0' when done.
 */
export const SWEEP: RedisScript = script(`${NOW}
local page = redis.call('HSCAN', KEYS[2], ARGV[2], 'COUNT', tonumber(ARGV[4]))
local oldest = now - tonumber(ARGV[3])
local gone = {}
for i = 2, #page[2], 2 do
  if struct.unpack('<d', page[2][i]) < oldest then gone[#gone + 1] = page[2][i - 1] end
end
if #gone > 0 then
  redis.call('HDEL', KEYS[2], unpack(gone))
  redis.call('HDEL', KEYS[3], unpack(gone))
end
if redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('DEL', KEYS[3])
  redis.call('HDEL', KEYS[1], ARGV[1])
end
return {page[1], #gone}
`);

/**
 * Gives a turn to who asks, unless it is another's.
 *
 * KEYS  1 the turn
 * ARGV  1 lease, 2 length (ms)
 * Returns 1 if it is this lease's turn, else 0.
 */
export const LOCK: RedisScript = script(`
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', tonumber(ARGV[2]))
return 1
`);
