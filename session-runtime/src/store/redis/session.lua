-- A packed session: one value after the other, in the order in which the commit takes them; what is
-- absent is `false`. A field's value is the letter of its kind (`b` bytes, `i` a number, `s` a set),
-- and then itself. A capital letter alone says that it lies apart, under `f:` and the field's name.
local LONG = {B = 'b', S = 's'}

-- Whether it can be unpacked, and then the values.
local function unpacked(packed)
  return pcall(cmsgpack.unpack, packed)
end

local function owner(packed)
  local is_sound, _, _, _, _, _, _, _, _, principal, _, token = unpacked(packed)
  return is_sound and principal, is_sound and token
end
