--- Coroutines that wait for the loop.
--
-- Whoever waits makes a waiter, leaves it where the event will find it, and calls wait; the event calls wake. Any
-- coroutine may wait, not only those that spawn made: it is resumed by the loop, and an error in it goes to the error
-- handler.
-- @module uvws.task
-- @local

local core = require("uvws.core")
local timers = require("uvws.timers")

local M = {}

local unpack = table.unpack or unpack
local TIMED_OUT, ETIMEDOUT = "timed out", core.ETIMEDOUT

local clock, report, traceback = core.clock, core.report, core.traceback
local running, resume, yield, status = coroutine.running, coroutine.resume, coroutine.yield, coroutine.status
local huge = math.huge
local deadlines = setmetatable({}, { __mode = "k" }) -- of coroutines inside timeout

--- The coroutine that runs, nil for the main one.
local function current()
  local co, is_main = running()
  if is_main then return nil end
  return co
end

M.current = current

local function resume_checked(co, ...)
  local ok, err = resume(co, ...)
  if not ok then report(type(err) == "string" and debug.traceback(co, err) or err) end
end

--- What stands for the running coroutine while it waits.
-- @tparam string what the function that waits, for the error outside a coroutine
-- @tparam[opt] function schedule how to come back from a time-out: vim.schedule or nil
function M.waiter(what, schedule)
  local co = current()
  if not co then error(what .. " waits: call it inside a coroutine (uvws.spawn, uvws.run) or give a callback", 3) end
  -- All fields at once: a table that grows is made anew at each power of two.
  return {
    co = co, schedule = schedule or false, is_waiting = false, is_done = false, timer = false, takes_pieces = false,
    a = false, b = false, c = false, d = false,
  }
end

--- Let the waiter's coroutine go on, with up to four values; only the first call counts.
function M.wake(waiter, a, b, c, d)
  if waiter.is_done then return end
  waiter.is_done, waiter.a, waiter.b, waiter.c, waiter.d = true, a, b, c, d
  if waiter.timer then timers.cancel(waiter.timer) end
  if waiter.is_waiting and status(waiter.co) == "suspended" then resume_checked(waiter.co) end
end

local wake = M.wake

local function time_out(waiter)
  local function tell() wake(waiter, nil, TIMED_OUT, ETIMEDOUT) end
  if waiter.schedule then
    waiter.schedule(tell)
  else
    tell()
  end
end

--- By itself, since a function that makes closures is not compiled.
local function set_timer(waiter, ms)
  waiter.timer = timers.after(ms, function() time_out(waiter) end)
end

--- Wait until the waiter is woken, or for so many milliseconds, or to the deadline of timeout.
-- @return what wake gave, or nil, "timed out", code
function M.wait(waiter, ms)
  local deadline = deadlines[waiter.co]
  if deadline then
    local left = deadline - clock()
    if not ms or left < ms then ms = left end
  end
  if ms and ms < huge then set_timer(waiter, ms) end
  waiter.is_waiting = true
  -- Somebody else may resume this coroutine: that is not what it waits for.
  while not waiter.is_done do
    yield()
  end
  return waiter.a, waiter.b, waiter.c, waiter.d
end

-- Tasks

local Task = {}
Task.__index = Task

local function finish(task, ok, ...)
  task.count, task.results = select("#", ...), { ... } -- first, since without memory it raises
  task.is_done, task.is_ok = true, ok
  local joiners = task.joiners
  task.joiners = nil
  if not ok then task.on_error((...)) end
  for i = 1, joiners and #joiners or 0 do
    wake(joiners[i])
  end
end

--- A coroutine that runs fn(...), at once until it waits.
-- @tparam function fn
-- @tparam function on_error hears of an error in it
function M.start(on_error, fn, ...)
  local task = setmetatable({ on_error = on_error }, Task)
  local co = coroutine.create(function(...) finish(task, xpcall(fn, traceback, ...)) end)
  resume_checked(co, ...)
  return task
end

--- Wait for the task's end.
-- @tparam[opt] number timeout milliseconds
-- @return what its function returned; nil, message when it raised, or nil, "timed out", code
function Task:join(timeout)
  if not self.is_done then
    local waiter = M.waiter("join")
    self.joiners = self.joiners or {}
    table.insert(self.joiners, waiter)
    local _, message, code = M.wait(waiter, timeout)
    if not self.is_done then return nil, message, code end
  end
  if not self.is_ok then return nil, self.results[1] end
  return unpack(self.results, 1, self.count)
end

--- Something to join that ends when set is called, not when a function returns.
function M.future()
  return setmetatable({}, Task)
end

--- End a future: whoever joins gets these values. Only the first call counts.
function Task:set(...)
  if not self.is_done then finish(self, true, ...) end
end

--- Wait so many milliseconds.
function M.sleep(ms)
  local waiter = M.waiter("sleep")
  local timer = timers.after(ms, function() wake(waiter, true) end)
  local ok, message, code = M.wait(waiter)
  timers.cancel(timer)
  return ok, message, code
end

local function leave(co, outer, ok, ...)
  deadlines[co] = outer
  if not ok then error((...), 0) end
  return ...
end

--- fn(...) with a deadline for all that it waits for.
function M.timeout(ms, fn, ...)
  local co = current()
  if not co then error("timeout is for coroutines (uvws.spawn, uvws.run)", 3) end
  local outer, due = deadlines[co], clock() + ms
  deadlines[co] = outer and outer < due and outer or due
  return leave(co, outer, pcall(fn, ...))
end

local function call_back(callback, is_inside, ...)
  -- Never from inside the call that was given the callback.
  if is_inside() then M.sleep(0) end
  callback(...)
end

--- Do op(...), which may wait, in a coroutine of its own and give its results to callback. Misuse raises here.
function M.with_callback(callback, op, ...)
  local is_inside = true
  local task = M.start(function(message)
    if not is_inside then report(message) end
  end, function(...) call_back(callback, function() return is_inside end, op(...)) end, ...)
  is_inside = false
  if task.is_done and not task.is_ok then error(task.results[1], 0) end
  return true
end

return M
