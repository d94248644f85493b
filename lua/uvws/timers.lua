--- What is to happen later: a heap of all that waits, behind the one timer of the core.
-- @module uvws.timers
-- @local

local core = require("uvws.core")

local M = {}

local heap = {} -- entries {due, order, fn, index}, the next one at 1
local count = 0
local order = 0 -- entries of the same time fire as they came

local clock, ceil, floor, max = core.clock, math.ceil, math.floor, math.max
local xpcall, traceback, report = xpcall, core.traceback, core.report

local function is_before(a, b)
  if a.due ~= b.due then return a.due < b.due end
  return a.order < b.order
end

local function put(entry, index)
  heap[index] = entry
  entry.index = index
end

local function sift_up(entry, index)
  while index > 1 do
    local parent = floor(index / 2)
    if not is_before(entry, heap[parent]) then break end
    put(heap[parent], index)
    index = parent
  end
  put(entry, index)
end

local function sift_down(entry, index)
  while true do
    local child = index * 2
    if child > count then break end
    if child < count and is_before(heap[child + 1], heap[child]) then child = child + 1 end
    if not is_before(heap[child], entry) then break end
    put(heap[child], index)
    index = child
  end
  put(entry, index)
end

local function remove(entry)
  local index = entry.index
  entry.index = nil
  local last = heap[count]
  heap[count] = nil
  count = count - 1
  if last == entry then return end
  sift_down(last, index)
  if last.index == index then sift_up(last, index) end
end

local is_firing = false

--- While the timer fires libuv (before 1.45) would call it again and again if it were due at once, and nothing else.
local function arm()
  if is_firing then return end
  if count == 0 then
    core.stop_timer()
  else
    core.start_timer(max(0, ceil(heap[1].due - clock())))
  end
end

--- Only what was there when it began: who waits 0 ms again and again holds up nobody.
local function fire()
  local now, limit = clock(), order
  is_firing = true
  while count > 0 and heap[1].due <= now and heap[1].order <= limit do
    local entry = heap[1]
    remove(entry)
    local ok, err = xpcall(entry.fn, traceback)
    if not ok then report(err) end
  end
  is_firing = false
  if count > 0 then core.start_timer(max(1, ceil(heap[1].due - clock()))) end
end

core.on_timer(fire)

--- Call fn() so many milliseconds from now, from the loop.
-- @tparam number ms
-- @tparam function fn
-- @return what cancel takes
function M.after(ms, fn)
  order = order + 1
  -- Not max(0, ms): what is not a number (0/0) would never be due, and hold up everybody behind it.
  local entry = { due = clock() + (ms > 0 and ms or 0), order = order, fn = fn }
  count = count + 1
  sift_up(entry, count)
  if heap[1] == entry then arm() end
  return entry
end

--- Take it back; afterwards, and a second time, this does nothing.
-- @param entry from after
function M.cancel(entry)
  if not entry.index then return end
  local was_first = heap[1] == entry
  remove(entry)
  if was_first then arm() end
end

return M
