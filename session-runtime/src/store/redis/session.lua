-- A packed session: one value after the other, in the order in which the commit unpacks them. An
-- absent value is `false`. A field is packed as the letter of its kind (`b` bytes, `i` a number,
-- `s` a set), followed by the value. A capital letter alone means that the value lies apart, under
-- `f:` and the field's name.
local LONG = {B = 'b', S = 's'}

-- Returns whether the bytes can be unpacked, and then the values.
local function unpacked(packed)
  return pcall(cmsgpack.unpack, packed)
end

local function owner(packed)
  local is_sound, _, _, _, _, _, _, _, _, principal, _, token = unpacked(packed)
  return is_sound and principal, is_sound and token
end
