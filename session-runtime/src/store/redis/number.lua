-- Whole numbers as decimal text, exact over 64 bits. Lua's own numbers are doubles, exact up to
-- 2^53 only, so a number is split into two parts: value = high * 10^15 + low, both of its sign.
-- Times and most counters are of less than 16 characters, and need none of that.
local BASE = 1e15
local SHORT = 16
local LAST = '18446744073709551615'

local function split(text)
  local sign = 1
  if string.sub(text, 1, 1) == '-' then
    sign = -1
    text = string.sub(text, 2)
  end
  local high = tonumber(string.sub(text, 1, -16)) or 0
  return sign * high, sign * tonumber(string.sub(text, -15))
end

local function less(a, b)
  if #a < SHORT and #b < SHORT then
    return tonumber(a) < tonumber(b)
  end
  local a_high, a_low = split(a)
  local b_high, b_low = split(b)
  return a_high < b_high or (a_high == b_high and a_low < b_low)
end

local function sum(a, b)
  if #a < SHORT and #b < SHORT then
    return string.format('%.0f', tonumber(a) + tonumber(b))
  end
  local a_high, a_low = split(a)
  local b_high, b_low = split(b)
  local high, low = a_high + b_high, a_low + b_low
  if low >= BASE then
    high, low = high + 1, low - BASE
  elseif low <= -BASE then
    high, low = high - 1, low + BASE
  end
  if high > 0 and low < 0 then
    high, low = high - 1, low + BASE
  elseif high < 0 and low > 0 then
    high, low = high + 1, low - BASE
  end
  local sign = (high < 0 or low < 0) and '-' or ''
  high, low = math.abs(high), math.abs(low)
  if high == 0 then
    return sign .. string.format('%.0f', low)
  end
  return sign .. string.format('%.0f%015.0f', high, low)
end

-- The end of a time span; the end of time instead of an overflow.
local function later(time, span)
  local at = sum(time, span)
  return #at >= #LAST and less(LAST, at) and LAST or at
end

local function earlier(a, b)
  return less(b, a) and b or a
end

-- Milliseconds from one time to a later one as a Lua number; nil if that is too far to be one.
local function between(from, to)
  if #from < SHORT and #to < SHORT then
    local span = tonumber(to) - tonumber(from)
    return span <= 1e13 and math.max(span, 0) or nil
  end
  local from_high, from_low = split(from)
  local to_high, to_low = split(to)
  local span = (to_high - from_high) * BASE + (to_low - from_low)
  if span > 1e13 then
    return nil
  end
  return math.max(span, 0)
end
