/**
 * Functions on packed numbers: `add(old, payload, offset, width)` returns the bytes of the sum and where the payload goes on.
 * They need `now`.
 */
export const PACKED_NUMBERS: string = `
local read, write, sub, rep = struct.unpack, struct.pack, string.sub, string.rep
local formats = {}
local function format(width)
  local f = formats[width]
  if not f then
    f = '<' .. rep('d', width)
    formats[width] = f
  end
  return f
end

-- Lua's stack holds no more than 8,000 values: long lists are read and written in pieces.
local PIECE = 500
local function numbers(bytes, offset, n)
  if n <= PIECE then return {read(format(n), bytes, offset)} end
  local list = {}
  for done = 0, n - 1, PIECE do
    local m = math.min(PIECE, n - done)
    local piece = {read(format(m), bytes, offset + 8 * done)}
    for j = 1, m do list[done + j] = piece[j] end
  end
  return list
end
local function pack(list, n)
  if n <= PIECE then return write(format(n), unpack(list, 1, n)) end
  local pieces = {}
  for done = 0, n - 1, PIECE do
    pieces[#pieces + 1] = write(format(math.min(PIECE, n - done)), unpack(list, done + 1, math.min(done + PIECE, n)))
  end
  return table.concat(pieces)
end

-- The sum of two runs of numbers. Mostly there are one or two; a table costs as much as all the rest.
local addRuns
function addRuns(old, place, payload, at, n)
  if n == 1 then return write('<d', read('<d', old, place) + read('<d', payload, at)) end
  local a, b = read('<dd', old, place)
  local c, d = read('<dd', payload, at)
  if n == 2 then return write('<dd', a + c, b + d) end
  if n <= 4 then return write('<dd', a + c, b + d) .. addRuns(old, place + 16, payload, at + 16, n - 2) end
  if n < 8 then return addRuns(old, place, payload, at, 4) .. addRuns(old, place + 32, payload, at + 32, n - 4) end
  if n < 40 then
    local a, b, c, d, e, f, g, h = read('<dddddddd', old, place)
    local i, j, k, l, m, o, p, q = read('<dddddddd', payload, at)
    local run = write('<dddddddd', a + i, b + j, c + k, d + l, e + m, f + o, g + p, h + q)
    return n == 8 and run or run .. addRuns(old, place + 64, payload, at + 64, n - 8)
  end
  local total, more = numbers(old, place, n), numbers(payload, at, n)
  for j = 1, n do total[j] = total[j] + more[j] end
  return pack(total, n)
end

local stamp = write('<d', now)

-- A point is [from, n, first number, n further numbers]: numbers that are not there are zeros.
local function add(old, payload, offset, width)
  local from, n, first, at = read('<I4I4d', payload, offset)
  local rest = at + 8 * n
  if not old then
    local before, behind = rep('\\0', 8 * from), rep('\\0', 8 * (width - 1 - from - n))
    return stamp .. stamp .. write('<d', first) .. before .. sub(payload, at, rest - 1) .. behind, rest
  end
  local sum = write('<d', read('<d', old, 17) + first)
  if n == 0 then return stamp .. sub(old, 9, 16) .. sum .. sub(old, 25), rest end
  local place = 25 + 8 * from
  local run = addRuns(old, place, payload, at, n)
  return stamp .. sub(old, 9, 16) .. sum .. sub(old, 25, place - 1) .. run .. sub(old, place + 8 * n), rest
end
local function isSum(bytes, width) return #bytes == 16 + 8 * width end
`;
