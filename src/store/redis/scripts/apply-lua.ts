import { encodeSeries, OVERFLOW_SERIES } from '../../../model/series.js';
import { PACKED_NUMBERS } from './addition-lua.js';
import { ADD_EXPONENTIAL } from './exponential-lua.js';
import { SERVER_NOW } from './script.js';

const OVERFLOW = OVERFLOW_SERIES.id;
const OVERFLOW_LABELS = encodeSeries(OVERFLOW_SERIES.scope, OVERFLOW_SERIES.attributes);

const CHECK_INSTANCE = `
local WHOLE, LATE = '1', '2'
local kind, position, lease, leaseMs = ARGV[1], tonumber(ARGV[2]), ARGV[7], tonumber(ARGV[8])
local ttl, keyTtl, maxSeries, contact = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[13])

-- A key of the project that is of another type has nothing of the project any more, as if it had been evicted.
local function ask(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if not string.find(reply.err, 'WRONGTYPE', 1, true) then return redis.call(command, key, ...) end
  redis.call('UNLINK', key)
  return false
end

local project = ask('HMGET', KEYS[1], 'epoch', 'name', 'schema', 'createdMs') or {}
local epoch, name, schema = project[1], project[2], project[3]
if name and name ~= '' and name ~= ARGV[6] then return {'taken', name} end
-- What is no version was not written by any.
if schema and schema ~= ARGV[5] and string.find(schema, '^[1-9]%d?%d?%d?%d?%d?$') then return {'schema', schema} end
if epoch and not (name == ARGV[6] and schema == ARGV[5]) then redis.call('HSET', KEYS[1], 'name', ARGV[6], 'schema', ARGV[5]) end
if ARGV[4] ~= '*' and ARGV[4] ~= (epoch or '') then return {'resend', epoch or ''} end
if not epoch and kind ~= WHOLE then return {'resend', ''} end

local applied = tonumber(ask('HGET', KEYS[4], 'position') or '')
if applied and not (applied >= 0 and applied < 2 ^ 53 and applied == math.floor(applied)) then applied = nil end
local listed = ask('ZSCORE', KEYS[3], lease)
if applied and applied >= position then return {'seen', epoch or '', ARGV[2]} end
-- A position expires when nothing was written for long. What was sent before then may have been applied or not.
if not applied and contact > 0 and now - contact >= keyTtl / 2 then return {'away', now} end
if kind ~= WHOLE and kind ~= LATE then
  -- Lease and position are written together, so that a failover loses both. A position that is missing alone was evicted:
  -- what it stood for is still there, and must not be added again.
  if (applied or not listed) and (applied or 0) ~= tonumber(ARGV[3]) then return {'behind', epoch, applied or 0} end
  if not applied or not listed then return {'resend', epoch} end
end
`;

/** Nothing is written while something is missing. */
const READ_SECTIONS = `
local sections, skipped, a = {}, {}, 15
for index = 1, tonumber(ARGV[14]) do
  local s = {
    index = index, values = KEYS[3 + 2 * index], labels = KEYS[4 + 2 * index],
    key = ARGV[a], descriptor = ARGV[a + 1], mode = ARGV[a + 2], width = tonumber(ARGV[a + 3]), n = tonumber(ARGV[a + 4]),
    payload = ARGV[a + 5], offset = 1, ids = {}, text = {}, existing = {}, removed = {},
  }
  for i = 1, s.n do
    local id = sub(s.payload, s.offset, s.offset + 15)
    s.ids[i] = id == '${OVERFLOW.padEnd(16)}' and '${OVERFLOW}' or id
    s.offset = s.offset + 16
  end
  local texts = tonumber(ARGV[a + 6])
  a = a + 7
  for i = 1, texts do
    s.text[tonumber(ARGV[a])] = ARGV[a + 1]
    a = a + 2
  end
  local removed = tonumber(ARGV[a])
  for i = 1, removed do s.removed[i] = s.key .. '/' .. ARGV[a + i] end
  a = a + removed + 1

  local values, labels = redis.pcall('HLEN', s.values), redis.pcall('HLEN', s.labels)
  local refusal = type(values) == 'table' and values or type(labels) == 'table' and labels
  if refusal then
    if not string.find(refusal.err, 'WRONGTYPE', 1, true) then return refusal end
    skipped[#skipped + 1] = index
  else
    sections[#sections + 1] = s
    s.described = ask(s.descriptor == '' and 'HEXISTS' or 'HGET', KEYS[2], s.key)
    if s.descriptor == '' and s.described ~= 1 then return {'resend', epoch} end
    -- One of the two was evicted. What is left cannot be shown; the family begins anew.
    s.evicted = values ~= labels and (values == 0 or labels == 0)
    if not s.described and values > 0 then
      -- Left by a wipe that could not know of it: older than the project.
      local one = redis.call('HSCAN', s.values, 0, 'COUNT', 1)[2][2]
      local created = not epoch and now or tonumber(project[4] or '') or 0
      s.evicted = s.evicted or (one and #one >= 16 and not (read('<d', one) >= created))
    end
    if s.n > 0 and not s.evicted then
      s.existing = redis.call('HMGET', s.values, unpack(s.ids))
      -- Something else wrote here. A series is known if it has both.
      local both = values ~= labels and redis.call('HMGET', s.labels, unpack(s.ids))
      for i = 1, both and s.n or 0 do s.existing[i] = both[i] and s.existing[i] end
    end
    local new = false
    for i = 1, s.n do
      if not s.existing[i] and not s.text[i] then return {'resend', epoch} end
      if not s.existing[i] or s.ids[i] == '${OVERFLOW}' then new = true end
    end
    if new then
      s.rest = not s.evicted and redis.call('HGET', s.values, '${OVERFLOW}')
      s.room = maxSeries - (s.evicted and 0 or values) + (s.rest and 1 or 0)
    end
  end
end
`;

/**
 * Redis does not undo what a script wrote before one of its commands was refused. So these writes change nothing if they are
 * repeated, and show that each kind of write is possible: the first one is refused without memory, on a replica and without
 * enough replicas, the others where the user lacks a right.
 */
const PREPARE = `
redis.call('ZADD', KEYS[3], 'XX', kind == LATE and (listed or 0) or now + leaseMs, lease)
if not epoch then
  epoch = lease .. ':' .. now
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'name', ARGV[6], 'schema', ARGV[5], 'createdMs', now)
end
for _, s in ipairs(sections) do
  if s.evicted then redis.call('UNLINK', s.values, s.labels) end
  if #s.removed > 0 then redis.call('HDEL', KEYS[4], unpack(s.removed)) end
end
if kind == WHOLE then
  redis.call('HSET', KEYS[4], 'resource', ARGV[12], 'leaseMs', leaseMs)
  redis.call('UNLINK', KEYS[4])
end
local young = {}
local function keep(key)
  if redis.call('PEXPIRE', key, keyTtl) == 0 then young[#young + 1] = key end
end
for k = 1, 4 do keep(KEYS[k]) end
for _, s in ipairs(sections) do
  keep(s.values)
  keep(s.labels)
end
`;

const WRITE_SECTION = `
local adders = {d = {add, isSum}, e = {addExponential, isExponential}}
local overflowed, refused = 0, {}

local function writeSection(s)
  local out, o, labels, t, fields, f = {}, 0, {}, 0, {}, 0
  local addTo, isValid = unpack(adders[s.mode] or {})
  local offset, spilled = s.offset, false
  if s.rest and isValid and not isValid(s.rest, s.width) then s.rest = false end
  for i = 1, s.n do
    local id, old, admitted = s.ids[i], s.existing[i], true
    if not old and id ~= '${OVERFLOW}' then
      admitted = s.room > 0
      s.room = s.room - 1
    end
    if admitted and s.text[i] and (not old or kind == WHOLE) then
      t = t + 2
      labels[t - 1], labels[t] = id, s.text[i]
    end
    if addTo and (id == '${OVERFLOW}' or not admitted) then
      if not admitted then overflowed = overflowed + 1 end
      s.rest, offset = addTo(s.rest, s.payload, offset, s.width)
      spilled = true
    elseif addTo then
      o = o + 2
      out[o - 1] = id
      out[o], offset = addTo(old and isValid(old, s.width) and old, s.payload, offset, s.width)
    elseif not admitted then
      offset = offset + 16
      refused[#refused + 1] = s.index
      refused[#refused + 1] = id
    else
      local age, value, at = read('<dd', s.payload, offset)
      local recorded = (kind == LATE and contact or now) - age
      local size = old and #old
      offset = at
      if s.mode == 'k' then
        if size == 24 then
          local _, before, kept = read('<ddd', old)
          -- A time that is still to come was written before the clock was set back.
          if before > recorded and before <= now then recorded, value = before, kept end
        end
        o = o + 2
        out[o - 1], out[o] = id, stamp .. write('<dd', recorded, value)
      else
        local updated = (size == 16 or size == 24) and read('<d', old)
        if not updated or updated < now - ttl / 4 or updated > now then
          -- What a version of the application keeps here, for which the family has mode k, stays.
          o = o + 2
          out[o - 1], out[o] = id, stamp .. (updated and sub(old, 9) or stamp)
        end
        f = f + 2
        fields[f - 1], fields[f] = s.key .. '/' .. id, write('<dd', recorded, value)
      end
    end
  end
  if spilled then
    o, t = o + 2, t + 2
    out[o - 1], out[o] = '${OVERFLOW}', s.rest
    labels[t - 1], labels[t] = '${OVERFLOW}', '${OVERFLOW_LABELS}'
  end
  if o > 0 then redis.call('HSET', s.values, unpack(out)) end
  if t > 0 then redis.call('HSET', s.labels, unpack(labels)) end
  if f > 0 then redis.call('HSET', KEYS[4], unpack(fields)) end
  if s.descriptor ~= '' then
    local created = s.described and string.match(s.described, '^{"createdMs":(%d+)') or string.format('%d', now)
    redis.call('HSET', KEYS[2], s.key, '{"createdMs":' .. created .. ',' .. sub(s.descriptor, 2))
  end
end
`;

/** The position comes first: should something be refused all the same, the part is not added a second time. */
const WRITE = `
redis.call('HSET', KEYS[4], 'position', ARGV[2])
local done, failure = pcall(function()
  if kind == WHOLE then redis.call('HSET', KEYS[4], 'resource', ARGV[12], 'leaseMs', leaseMs) end
  for _, s in ipairs(sections) do writeSection(s) end
  if kind ~= LATE and not listed then redis.call('ZADD', KEYS[3], now + leaseMs, lease) end
  for _, key in ipairs(young) do redis.call('PEXPIRE', key, keyTtl) end
end)
if not done then
  return {'failed', epoch, now, type(failure) == 'table' and failure.err or tostring(failure), ARGV[2]}
end
return {'ok', epoch, now, overflowed, refused, skipped, ARGV[2]}
`;

/** The Lua of {@link APPLY}, which describes its KEYS, ARGV and replies. */
export const APPLY_LUA: string = [
  SERVER_NOW,
  CHECK_INSTANCE,
  PACKED_NUMBERS,
  ADD_EXPONENTIAL,
  READ_SECTIONS,
  PREPARE,
  WRITE_SECTION,
  WRITE,
].join('');
