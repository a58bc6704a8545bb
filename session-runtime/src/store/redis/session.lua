-- What a packed session is made of: a list, in the order of `unpack` in the commit; what is absent
-- is `false`. A field's value is the letter of its kind (`b` bytes, `i` a number, `s` a set), and
-- then itself. A capital letter alone says that it lies apart, under `f:` and the field's name.
local PARTS, PRINCIPAL, TOKEN = 15, 10, 12
local LONG = {B = 'b', S = 's'}

local function unpacked(packed)
  local is_sound, session = pcall(cmsgpack.unpack, packed)
  return is_sound and type(session) == 'table' and #session == PARTS and session
end
