import { encodeSeries, OVERFLOW_SERIES } from '../../../model/series.js';
import { ADD_EXPONENTIAL } from './exponential-lua.js';
import { SERVER_NOW } from './script.js';

const OVERFLOW_LABELS = encodeSeries(OVERFLOW_SERIES.scope, OVERFLOW_SERIES.attributes);

/** The Lua of {@link APPLY}, which describes its KEYS, ARGV and replies. */
export const APPLY_LUA: string = `${SERVER_NOW}
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
local sections, a = {}, 14
for b = 1, tonumber(ARGV[13]) do
  local section = {
    key = ARGV[a], descriptor = ARGV[a + 1], mode = ARGV[a + 2], width = tonumber(ARGV[a + 3]), n = tonumber(ARGV[a + 4]),
    values = KEYS[3 + 2 * b], labels = KEYS[4 + 2 * b], ids = {}, text = {}, existing = {}, removed = {},
  }
  a = a + 5
  for i = 1, section.n do section.ids[i] = ARGV[a + i - 1] end
  a = a + section.n
  section.payload = ARGV[a]
  local l = tonumber(ARGV[a + 1])
  a = a + 2
  for i = 1, l do
    section.text[tonumber(ARGV[a])] = ARGV[a + 1]
    a = a + 2
  end
  local r = tonumber(ARGV[a])
  for i = 1, r do section.removed[i] = section.key .. '/' .. ARGV[a + i] end
  a = a + r + 1
  if redis.call('HLEN', section.values) ~= redis.call('HLEN', section.labels) then
    -- One of the two was evicted. What is left cannot be shown; the family begins anew.
    redis.call('DEL', section.values, section.labels)
  end
  if section.descriptor == '' and redis.call('HEXISTS', KEYS[2], section.key) == 0 then return {'resend', epoch} end
  if section.n > 0 then
    section.existing = redis.call('HMGET', section.values, unpack(section.ids))
    for i = 1, section.n do
      if not section.existing[i] and not section.text[i] then return {'resend', epoch} end
    end
  end
  sections[b] = section
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

${ADD_EXPONENTIAL}
local overflowed = 0
local reply = {'ok', epoch, 0}
for b = 1, #sections do
  local section = sections[b]
  local width, mode = section.width, section.mode
  local size = redis.call('HLEN', section.values) - redis.call('HEXISTS', section.values, '${OVERFLOW_SERIES.id}')
  local out, o, labels, t, fields, f = {}, 0, {}, 0, {}, 0
  local beyond = {}
  local addTo = mode == 'e' and addExponential or add
  local offset, n = 1, width
  for i = 1, section.n do
    local id, packed = section.ids[i], section.existing[i]
    if mode == 'e' then
      n = struct.unpack('<d', section.payload, offset)
      offset = offset + 8
    end
    local length = (mode == 'd' and width or (mode == 'k' and 1 or 0)) * 8 + 16
    if packed and mode ~= 'e' and #packed ~= length then packed = false end
    local admitted = true
    if not section.existing[i] then
      if size >= maxSeries and id ~= '${OVERFLOW_SERIES.id}' then
        admitted = false
      else
        if id ~= '${OVERFLOW_SERIES.id}' then size = size + 1 end
        t = t + 2
        labels[t - 1], labels[t] = id, section.text[i]
      end
    elseif full and section.text[i] then
      t = t + 2
      labels[t - 1], labels[t] = id, section.text[i]
    end
    if mode == 'd' or mode == 'e' then
      if not admitted then
        beyond[#beyond + 1] = {offset, n}
      else
        o = o + 2
        out[o - 1] = id
        if packed then
          out[o] = addTo(packed, section.payload, offset, n)
        else
          out[o] = struct.pack('<dd', now, now) .. string.sub(section.payload, offset, offset + n * 8 - 1)
        end
      end
    elseif not admitted then
      reply[#reply + 1] = b
      reply[#reply + 1] = id
    else
      local age, value = struct.unpack('<dd', section.payload, offset)
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
        fields[f - 1], fields[f] = section.key .. '/' .. id, struct.pack('<dd', recorded, value)
      end
    end
    offset = offset + n * 8
  end
  if o > 0 then redis.call('HSET', section.values, unpack(out)) end
  if t > 0 then redis.call('HSET', section.labels, unpack(labels)) end
  if #beyond > 0 then
    overflowed = overflowed + #beyond
    local rest = redis.call('HGET', section.values, '${OVERFLOW_SERIES.id}')
    local first = 1
    if not rest or (mode == 'd' and #rest ~= width * 8 + 16) then
      rest = struct.pack('<dd', now, now) .. string.sub(section.payload, beyond[1][1], beyond[1][1] + beyond[1][2] * 8 - 1)
      first = 2
      redis.call('HSET', section.labels, '${OVERFLOW_SERIES.id}', '${OVERFLOW_LABELS}')
    end
    for i = first, #beyond do rest = addTo(rest, section.payload, beyond[i][1], beyond[i][2]) end
    redis.call('HSET', section.values, '${OVERFLOW_SERIES.id}', rest)
  end
  if f > 0 then redis.call('HSET', KEYS[4], unpack(fields)) end
  if #section.removed > 0 then redis.call('HDEL', KEYS[4], unpack(section.removed)) end
  if section.descriptor ~= '' then
    local before = redis.call('HGET', KEYS[2], section.key)
    local created = before and string.match(before, '^{"createdMs":(%d+)') or string.format('%d', now)
    redis.call('HSET', KEYS[2], section.key, '{"createdMs":' .. created .. ',' .. string.sub(section.descriptor, 2))
  end
  redis.call('PEXPIRE', section.values, keyTtl)
  redis.call('PEXPIRE', section.labels, keyTtl)
end
redis.call('HSET', KEYS[4], 'position', position)
if full then redis.call('HSET', KEYS[4], 'resource', ARGV[12]) end
redis.call('ZADD', KEYS[3], now + tonumber(ARGV[8]), lease)
for k = 1, 4 do redis.call('PEXPIRE', KEYS[k], keyTtl) end
reply[3] = overflowed
return reply
`;
