-- Whole numbers of 64 bits. Lua's own numbers are doubles: below 10^15 they are exact, and larger
-- ones are decimal text here. A text is split into two parts of its sign: value = high * 10^15 +
-- low.
local BASE = 1e15
local LAST = '18446744073709551615'

-- A number equals itself plus 0, a text does not. Asking `type` would be a function call for each.
local function split(number)
  if number == number + 0 then
    return 0, number
  end
  local sign, digits = string.match(number, '^(%-?)(%d+)$')
  sign = sign == '-' and -1 or 1
  return sign * (tonumber(string.sub(digits, 1, -16)) or 0), sign * tonumber(string.sub(digits, -15))
end

local function text(number)
  return number == number + 0 and string.format('%.0f', number) or number
end

local function less(a, b)
  if a == a + 0 and b == b + 0 then
    return a < b
  end
  local a_high, a_low = split(a)
  local b_high, b_low = split(b)
  return a_high < b_high or (a_high == b_high and a_low < b_low)
end

local function sum(a, b)
  local high, low = 0, a + b
  if a ~= a + 0 or b ~= b + 0 then
    local a_high, a_low = split(a)
    local b_high, b_low = split(b)
    high, low = a_high + b_high, a_low + b_low
  end
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
  if high == 0 then
    return low
  end
  local sign = (high < 0 or low < 0) and '-' or ''
  return sign .. string.format('%.0f%015.0f', math.abs(high), math.abs(low))
end

-- Returns the end of a time span, or the end of time if that overflows.
local function later(time, span)
  local at = sum(time, span)
  return at ~= at + 0 and less(LAST, at) and LAST or at
end

-- Returns the milliseconds from one time to a later one as a Lua number, or nil if they are too
-- many.
local function between(from, to)
  local from_high, from_low = split(from)
  local to_high, to_low = split(to)
  local span = (to_high - from_high) * BASE + (to_low - from_low)
  return span <= 1e13 and math.max(span, 0) or nil
end
