--- What arrived and nobody has asked for yet: messages and pieces of messages, in order.
-- @module uvws.inbox
-- @local

local M = {}

local FIRST, LAST, WHOLE = 1, 2, 3 -- parts of a message
local OVERHEAD = 64 -- what an entry takes beside its bytes

M.FIRST, M.LAST, M.WHOLE = FIRST, LAST, WHOLE

--- An empty one. Three arrays, since a table for each entry would cost more than most messages.
function M.new()
  return { first = 1, last = 0, size = 0, ends = 0, data = {}, kinds = {}, parts = {} }
end

--- Put it behind the others.
function M.push(inbox, data, kind, part)
  local i = inbox.last + 1
  inbox.last = i
  inbox.data[i], inbox.kinds[i], inbox.parts[i] = data, kind, part
  inbox.size = inbox.size + #data + OVERHEAD
  if part >= LAST then inbox.ends = inbox.ends + 1 end
end

--- Take the first one; nil when there is none.
-- @return data, kind, part
function M.pop(inbox)
  local i = inbox.first
  if i > inbox.last then return nil end
  local data, kind, part = inbox.data[i], inbox.kinds[i], inbox.parts[i]
  inbox.data[i], inbox.kinds[i], inbox.parts[i] = nil, nil, nil
  inbox.size = inbox.size - #data - OVERHEAD
  if part >= LAST then inbox.ends = inbox.ends - 1 end
  if i == inbox.last then
    inbox.first, inbox.last = 1, 0
  else
    inbox.first = i + 1
  end
  return data, kind, part
end

--- Take the first message, put together from its pieces; nil when none is whole. Of one whose beginning was taken as
-- pieces it is the rest.
-- @return data, kind
function M.pop_message(inbox)
  if inbox.ends == 0 then return nil end
  local data, kind, part = M.pop(inbox)
  if part >= LAST then return data, kind end
  local pieces = { data }
  repeat
    data, kind, part = M.pop(inbox)
    pieces[#pieces + 1] = data
  until part >= LAST
  return table.concat(pieces), kind
end

--- Drop the pieces at the end whose message will not go on: its connection is gone.
function M.drop_partial(inbox)
  local i = inbox.last
  while i >= inbox.first and inbox.parts[i] < LAST do
    inbox.size = inbox.size - #inbox.data[i] - OVERHEAD
    inbox.data[i], inbox.kinds[i], inbox.parts[i] = nil, nil, nil
    i = i - 1
  end
  inbox.last = i
  if i < inbox.first then
    inbox.first, inbox.last = 1, 0
  end
end

return M
