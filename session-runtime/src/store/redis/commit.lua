-- One commit on one session. All is checked before anything is written, so that it applies whole
-- or not at all. Fields that the ops name are held in `fields` until the end.
local key = KEYS[1]
local position = 0
local function take()
  position = position + 1
  return ARGV[position]
end

local function many(command, list)
  for first = 1, #list, 1000 do
    redis.call(command, key, unpack(list, first, math.min(first + 999, #list)))
  end
end

local now, check, key_id, token, cover, slack = take(), take(), take(), take(), take(), take()
local meta = redis.call('HMGET', key,
  'c', 'k', 'l', 'd', 'a', 'pc', 'pk', 'pu', 'u', 'x', 'v', 'z')
local last_seen, idle, absolute = meta[3], meta[4], meta[5]
local principal, logged_in_by, revision = meta[9], meta[10], meta[11]
if not meta[1] then
  return {'gone'}
end
if not (meta[2] and last_seen and absolute and revision) then
  return {'damaged'}
end

local function ends()
  return idle and earlier(later(last_seen, idle), absolute) or absolute
end
if not less(now, ends()) then
  return {'gone'}
end
local current = meta[1] == check and meta[2] == key_id
if not current and not (meta[6] == check and meta[7] == key_id and less(now, meta[8])) then
  return {'stale'}
end
if token ~= '' and meta[12] and string.find(meta[12], token, 1, true) then
  return {'void'}
end

local groups = {}
local function group(name)
  if not groups[name] then
    groups[name] = redis.call('HGET', key, 'g:' .. name) or '0'
  end
  return groups[name]
end
for _ = 1, tonumber(take()) do
  local name, expected = take(), take()
  if group(name) ~= expected then
    return {'conflict', name}
  end
end
local bumped = {}
for _ = 1, tonumber(take()) do
  local name = take()
  groups[name] = sum(group(name), '1')
  bumped[name] = true
end

-- What a field is: its kind ('b' bytes, 'i' number, 's' set; nil: missing) and its value. Members
-- of a set are keys of a table once somebody has looked at them.
local fields = {}
local KINDS = {'b', 'i', 's'}
local function read(name)
  local field = fields[name]
  if not field then
    field = {}
    local found = redis.call('HMGET', key, 'b:' .. name, 'i:' .. name, 's:' .. name)
    for at, kind in ipairs(KINDS) do
      if found[at] then
        field.kind, field.value = kind, found[at]
      end
    end
    fields[name] = field
  end
  return field
end
local function write(name, kind, value)
  fields[name] = {kind = kind, value = value, changed = true}
end

-- How the rarer ops apply. Made only for a commit that has one: most write values, and this takes
-- longer than all the rest of them.
local function operations()
  -- Sets are written as their members one after the other, each as `length:bytes`.
  local function members(text)
    local set, size, at = {}, 0, 1
    while at <= #text do
      local colon = string.find(text, ':', at, true)
      local length = tonumber(string.match(string.sub(text, at, colon - 1), '^%d+$'))
      set[string.sub(text, colon + 1, colon + length)] = true
      size, at = size + 1, colon + length + 1
    end
    return set, size
  end
  local function opened(field)
    if not field.members then
      field.members, field.size = members(field.value)
    end
    return field
  end
  local function same(field, kind, value)
    if field.kind ~= kind then
      return false
    elseif kind ~= 's' then
      return field.value == value
    end
    local seen, size = members(value)
    if opened(field).size ~= size then
      return false
    end
    for member in pairs(seen) do
      if not field.members[member] then
        return false
      end
    end
    return true
  end

  local function is_kept(name, kept)
    local colon = string.find(name, ':', 1, true)
    return kept[colon and string.sub(name, 1, colon - 1) or name]
  end

  return {
    C = function()
      local kept = {}
      for _ = 1, tonumber(take()) do
        kept[take()] = true
      end
      for _, stored in ipairs(redis.call('HKEYS', key)) do
        local kind, name = string.sub(stored, 1, 2), string.sub(stored, 3)
        if (kind == 'b:' or kind == 'i:' or kind == 's:') and not is_kept(name, kept) then
          write(name)
        end
      end
      for name in pairs(fields) do
        if not is_kept(name, kept) then
          write(name)
        end
      end
    end,
    A = function(name)
      local by, least, most = take(), take(), take()
      local field = read(name)
      local result = sum(field.kind == 'i' and field.value or '0', by)
      if less(result, least) or less(most, result) then
        return true
      end
      write(name, 'i', result)
    end,
    I = function(name)
      local member = take()
      local field = read(name)
      if field.kind ~= 's' then
        write(name, 's', '')
        field = fields[name]
      end
      if not opened(field).members[member] then
        field.members[member] = true
        field.size, field.changed = field.size + 1, true
      end
    end,
    R = function(name)
      local member = take()
      local field = read(name)
      if field.kind ~= 's' then
        return
      end
      if opened(field).members[member] then
        field.members[member] = nil
        field.size, field.changed = field.size - 1, true
      end
      if field.size == 0 then
        write(name)
      end
    end,
    M = function(name)
      local value = take()
      local field = read(name)
      if field.kind ~= 'i' or less(field.value, value) then
        write(name, 'i', value)
      end
    end,
    O = function(name)
      local kind, value = take(), take()
      if not read(name).kind then
        write(name, kind, value)
      end
    end,
    T = function(name)
      local kind, value = take(), take()
      if same(read(name), kind, value) then
        write(name)
      end
    end,
  }
end

local apply
for _ = 1, tonumber(take()) do
  local op = take()
  local name = op ~= 'C' and take() or nil
  if op == 'S' then
    local kind, value = take(), take()
    write(name, kind, value)
  elseif op == 'U' then
    write(name)
  else
    apply = apply or operations()
    if apply[op](name) then
      return {'conflict', name}
    end
  end
end

local sets, removals = {}, {}
local function set(name, value)
  sets[#sets + 1] = name
  sets[#sets + 1] = value
end
local function remove(...)
  for _, name in ipairs({...}) do
    removals[#removals + 1] = name
  end
end

local old_principal, old_token = '', ''
local owner = take()
if owner ~= '=' then
  if principal then
    old_principal, old_token = principal, logged_in_by or ''
  end
  principal = owner == '+' and take() or nil
  if principal then
    set('u', principal)
    set('n', now)
    set('x', token)
  else
    remove('u', 'n', 'x')
  end
end

local rotated = 0
if take() == '1' then
  local new_check, new_key_id, grace = take(), take(), take()
  if current or grace == '' then
    if grace == '' then
      remove('pc', 'pk', 'pu')
    else
      set('pc', meta[1])
      set('pk', meta[2])
      set('pu', grace)
    end
    set('c', new_check)
    set('k', new_key_id)
    set('r', now)
    rotated = 1
  end
end

if less(last_seen, now) then
  last_seen = now
  set('l', now)
end

local longer = owner == '+'
if take() == '1' then
  local new_idle, new_absolute, persistent = take(), take(), take()
  longer = longer or less(absolute, new_absolute)
  absolute = new_absolute
  set('a', absolute)
  if new_idle == '' then
    idle = nil
    remove('d')
  else
    idle = new_idle
    set('d', idle)
  end
  if persistent == '1' then
    set('e', '1')
  else
    remove('e')
  end
end
-- The index of the principal must not be forgotten before the session is.
if principal and longer and less(cover, absolute) then
  return {'uncovered', absolute, principal, token ~= '' and token or logged_in_by or ''}
end

for name, field in pairs(fields) do
  if field.changed then
    for _, kind in ipairs(KINDS) do
      if kind ~= field.kind then
        remove(kind .. ':' .. name)
      elseif field.members then
        local text = {}
        for member in pairs(field.members) do
          text[#text + 1] = string.format('%d:', #member) .. member
        end
        set('s:' .. name, table.concat(text))
      else
        set(kind .. ':' .. name, field.value)
      end
    end
  end
end
for name in pairs(bumped) do
  set('g:' .. name, groups[name])
end
revision = sum(revision, '1')
set('v', revision)

many('HSET', sets)
many('HDEL', removals)
local left = ends() ~= LAST and between(now, ends())
if left then
  redis.call('PEXPIRE', key, string.format('%.0f', left + slack))
else
  redis.call('PERSIST', key)
end
return {'ok', revision, rotated, old_principal, old_token}
