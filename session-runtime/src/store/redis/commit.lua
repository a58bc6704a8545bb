-- Applies one commit to one session. All changes are made to the unpacked session, which is written
-- at the end, so the commit applies whole or not at all.
local function commit(key, first)
  local now, credential, token, index_until, slack, packed_bytes, expected, bump, ops, owner,
    rotation, lifetime = cmsgpack.unpack(ARGV[first])

  local packed = redis.call('HGET', key, 'r')
  if not packed then
    return 'gone'
  end
  local _, own_credential, created, rotated, last_seen, absolute, idle, persistent, revision,
    principal, logged_in, logged_in_by, previous, kept_until, fields, groups = unpacked(packed)
  if not groups then
    return 'damaged'
  end

  local function ends()
    local idle_end = idle and later(last_seen, idle)
    return idle_end and less(idle_end, absolute) and idle_end or absolute
  end
  if not less(now, ends()) then
    return 'gone'
  end
  local is_current = credential == own_credential
  local is_previous = previous and credential == previous[1]
  if not (is_current or (is_previous and less(now, previous[2]))) then
    return 'superseded'
  end
  if token then
    local cancelled = redis.call('HGET', key, 'z')
    if cancelled and string.find(cancelled, token, 1, true) then
      return 'cancelled'
    end
  end

  for at = 1, #expected do
    local group, seen = expected[at][1], expected[at][2]
    if (groups[group] or 0) ~= seen then
      return {'conflict', group}
    end
  end
  for at = 1, #bump do
    local group = bump[at]
    groups[group] = sum(groups[group] or 0, 1)
  end

  -- Values that lie apart, by the names of their fields: the value to write, or `false` for a value
  -- to remove.
  local apart = {}
  local function leave(name)
    if LONG[fields[name]] then
      apart[name] = false
    end
  end
  local function write(name, value)
    leave(name)
    if value and #value - 1 > packed_bytes then
      apart[name] = string.sub(value, 2)
      value = string.upper(string.sub(value, 1, 1))
    end
    fields[name] = value
  end

  -- The rarer ops. The table is made only for a commit that has one of them: most commits only
  -- write values. A set that an op changes is a table with the members as keys, in place of its
  -- text.
  local function operations()
    local function read(name)
      local value = fields[name]
      local kind = LONG[value]
      return kind and kind .. (apart[name] or redis.call('HGET', key, 'f:' .. name)) or value
    end
    local function number(name)
      local value = fields[name]
      local found = type(value) == 'string' and string.match(value, '^i(.*)')
      -- Adding 0 turns a text into a number if it fits one.
      return found and sum(found, 0)
    end
    -- A set's text is its members one after the other, each as `length:bytes`.
    local function opened(value)
      if type(value) ~= 'string' or string.sub(value, 1, 1) ~= 's' then
        return value
      end
      local set, at = {size = 0, members = {}}, 2
      while at <= #value do
        local colon = string.find(value, ':', at, true)
        local length = tonumber(string.match(string.sub(value, at, colon - 1), '^%d+$'))
        set.members[string.sub(value, colon + 1, colon + length)] = true
        set.size, at = set.size + 1, colon + length + 1
      end
      return set
    end
    local function open(name)
      local set = opened(read(name))
      if type(set) == 'table' then
        leave(name)
        fields[name] = set
        return set
      end
    end
    local function same(value, other)
      if type(value) ~= 'table' or type(other) ~= 'table' then
        return value == other
      end
      for member in pairs(value.members) do
        if not other.members[member] then
          return false
        end
      end
      return value.size == other.size
    end

    return {
      C = function(keep)
        local kept = {}
        for _, name in ipairs(keep) do
          kept[name] = true
        end
        for name in pairs(fields) do
          if not kept[string.match(name, '^(.-):') or name] then
            write(name)
          end
        end
      end,
      A = function(name, by, least, most)
        local result = sum(number(name) or 0, by)
        if less(result, least) or less(most, result) then
          return true
        end
        write(name, 'i' .. text(result))
      end,
      I = function(name, member)
        local set = open(name)
        if not set then
          write(name)
          set = {size = 0, members = {}}
          fields[name] = set
        end
        if not set.members[member] then
          set.size, set.members[member] = set.size + 1, true
        end
      end,
      R = function(name, member)
        local set = open(name)
        if set and set.members[member] then
          set.size, set.members[member] = set.size - 1, nil
          if set.size == 0 then
            write(name)
          end
        end
      end,
      M = function(name, value)
        local found = number(name)
        if not found or less(found, value) then
          write(name, 'i' .. text(value))
        end
      end,
      O = function(name, value)
        if not fields[name] then
          write(name, value)
        end
      end,
      T = function(name, value)
        if same(opened(read(name)), opened(value)) then
          write(name)
        end
      end,
    }
  end

  local apply
  for at = 1, #ops do
    local op = ops[at]
    local verb, name, value = op[1], op[2], op[3]
    if verb == 'S' or verb == 'U' then
      write(name, value)
    else
      apply = apply or operations()
      if apply[verb](name, value, op[4], op[5]) then
        return {'conflict', name}
      end
    end
  end
  if apply then
    for name, value in pairs(fields) do
      if type(value) == 'table' then
        local set = {'s'}
        for member in pairs(value.members) do
          set[#set + 1] = #member .. ':' .. member
        end
        write(name, table.concat(set))
      end
    end
  end

  local former
  if owner then
    former = principal and logged_in_by and {principal, logged_in_by}
    principal = owner[1] or false
    logged_in, logged_in_by = principal and now, principal and token
  end

  local is_rotated = rotation and (is_current or not rotation[2])
  if is_rotated then
    previous = rotation[2] and {own_credential, rotation[2]}
    own_credential, rotated = rotation[1], now
  end

  if less(last_seen, now) then
    last_seen = now
  end
  local is_longer = owner and principal
  if lifetime then
    is_longer = is_longer or less(absolute, lifetime[2])
    idle, absolute, persistent = unpack(lifetime)
  end
  -- The principal's index must not expire before the session does.
  if principal and is_longer and less(index_until, absolute) then
    return {'outlives_index', text(absolute), principal, token or logged_in_by or ''}
  end
  revision = sum(revision, 1)

  -- The key outlives the session by the slack. An end that hardly moves costs no command: the key
  -- still outlives the session by half the slack.
  local last = ends()
  local is_moved = less(sum(kept_until, slack / 2), last) or less(sum(last, slack / 2), kept_until)
  if is_moved then
    kept_until = last
  end
  redis.call('HSET', key, 'r', cmsgpack.pack(own_credential, created, rotated, last_seen, absolute,
    idle, persistent, revision, principal, logged_in, logged_in_by, previous, kept_until, fields,
    groups))
  for name, value in pairs(apart) do
    if value then
      redis.call('HSET', key, 'f:' .. name, value)
    else
      redis.call('HDEL', key, 'f:' .. name)
    end
  end
  if is_moved then
    local left = last ~= LAST and between(now, last)
    if left then
      redis.call('PEXPIRE', key, left + slack)
    else
      redis.call('PERSIST', key)
    end
  end
  -- The revision alone, if there is nothing else to report.
  if not (is_rotated or former) and revision == revision + 0 then
    return revision
  end
  return {'ok', text(revision), is_rotated and 1 or 0, unpack(former or {})}
end
