import { MAX_EXPONENTIAL_BUCKETS } from '../../../model/exponential-histogram.js';

/**
 * `addExponential(old, payload, offset)` by the layout and the rules of `exponential-histogram.ts`, numbers counted from 1. A
 * point of the payload is preceded by its width.
 */
export const ADD_EXPONENTIAL: string = `
-- The buckets of one sign: { index of the first, place of its count, number }.
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

-- See comparableBound in exponential-histogram.ts: the same operations in the same order.
local function upperBound(index, scale)
  local step = index + 1
  if scale <= 0 then return 2 ^ (step * 2 ^ -scale) end
  local weight, root = 2 ^ scale, 2
  local bound = 2 ^ math.floor(step / weight)
  local rest = step - math.floor(step / weight) * weight
  while rest > 0 do
    root, weight = math.sqrt(root), weight / 2
    if rest >= weight then bound, rest = bound * root, rest - weight end
  end
  return bound
end

-- Both signs, in buckets that are 2^by as wide; only what counts something.
local function widened(v, n, by)
  local sides, group = {}, 2 ^ by
  for side, run in ipairs(runs(v, n)) do
    local counts, first, last = {}, 1, 0
    for k = 0, run[3] - 1 do
      local count = v[run[2] + k]
      if count ~= 0 then
        local index = math.floor((run[1] + k) / group)
        if last < first then first = index end
        last = index
        counts[index] = (counts[index] or 0) + count
      end
    end
    sides[side] = {counts = counts, first = first, last = last}
  end
  return sides
end

local function raise(sides, scale, threshold)
  for _, side in ipairs(sides) do
    for index = side.first, side.last do
      if side.counts[index] and upperBound(index - 1, scale) < threshold then
        threshold = math.max(threshold, upperBound(index, scale))
      end
    end
  end
  return threshold
end

-- One histogram at a scale and with a threshold, as a list in the usual layout.
local function absorbed(sides, scale, threshold, zeros, sum)
  local list, starts = {scale, threshold, zeros, sum, 0, 0, 0}, {5, 7}
  for s, side in ipairs(sides) do
    local kept = #list
    local last = kept
    for index = side.first, side.last do
      local count = side.counts[index] or 0
      if count ~= 0 and upperBound(index, scale) <= threshold then
        list[3], count = list[3] + count, 0
      end
      if count ~= 0 and last == kept then list[starts[s]] = index end
      if count ~= 0 or last > kept then
        list[#list + 1] = count
        if count ~= 0 then last = #list end
      end
    end
    while #list > last do list[#list] = nil end
    if s == 1 then list[6] = last - kept end
  end
  return list
end

local function withOneThreshold(a, n, b, width)
  local scale, threshold = math.min(a[1], b[1]), math.max(a[2], b[2])
  local sa, sb = widened(a, n, a[1] - scale), widened(b, width, b[1] - scale)
  for _, sides in ipairs({sa, sb, sa}) do threshold = raise(sides, scale, threshold) end
  return absorbed(sa, scale, threshold, a[3], a[4]), absorbed(sb, scale, threshold, b[3], b[4])
end

local function addExponential(old, payload, offset)
  local width, at = read('<d', payload, offset)
  local rest = at + 8 * width
  if not old then return stamp .. stamp .. sub(payload, at, rest - 1), rest end
  local n = #old / 8 - 2
  local a, b = numbers(old, 17, n), numbers(payload, at, width)
  a[n + 1], b[width + 1] = nil, nil
  if a[2] ~= b[2] then a, b = withOneThreshold(a, n, b, width) end
  local scale = math.min(a[1], b[1])
  local ra, rb = runs(a, #a), runs(b, #b)
  local by = 0
  for side = 1, 2 do
    ra[side].down, rb[side].down = a[1] - scale, b[1] - scale
    local first, last = range(ra[side], rb[side], by)
    while first and last - first >= ${MAX_EXPONENTIAL_BUCKETS} do
      by = by + 1
      first, last = range(ra[side], rb[side], by)
    end
  end
  local sum = {scale - by, a[2], a[3] + b[3], a[4] + b[4], 0, 0, 0}
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
    sum[side == 1 and 5 or 7] = first or 0
    if side == 1 then sum[6] = first and last - first + 1 or 0 end
  end
  return stamp .. sub(old, 9, 16) .. pack(sum, #sum), rest
end

-- Anything else was written by something else. What is not bounded here would let a script run for ever.
local function isExponential(bytes)
  local n = #bytes / 8 - 2
  if n < 7 or n ~= math.floor(n) then return false end
  local scale, _, _, _, first, count, second = read(format(7), bytes, 17)
  for _, whole in ipairs({scale, first, count, second}) do
    if whole ~= math.floor(whole) or math.abs(whole) > 2 ^ 53 then return false end
  end
  return math.abs(scale) <= 64 and count >= 0 and count <= n - 7
end
`;
