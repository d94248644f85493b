--- Who turns the loop.
--
-- The clients of a Lua state live on a libuv loop of their own. In plain LuaJIT run() turns it. Where luv turns a loop
-- already (a luv script, Neovim), handles made through luv's own API watch ours and turn it when it has something to
-- do: luv's rules for callbacks hold for our listeners too, and no handle of ours lies on luv's loop.

local core = require("uvws.core")

local M = {}

--- luv as this state has it, or nil.
local function find_luv()
  local vim = rawget(_G, "vim")
  local luv = type(vim) == "table" and (vim.uv or vim.loop) or package.loaded.luv or package.loaded.uv
  return type(luv) == "table" and luv.new_poll and luv or nil
end

local luv -- set once it is found, which may be long after this file was loaded
local poll, timer -- luv's handles, only while our loop is alive: idle, we hold nothing of luv's
local pump
local is_stopped -- run is to return

local function is_usable(handle)
  return handle and not handle:is_closing()
end

local function close_handles()
  if is_usable(poll) then poll:close() end
  if is_usable(timer) then timer:close() end
  poll, timer = nil, nil
end

--- Wait for our loop's descriptor and for its next timer.
local function arm(timeout)
  if not is_usable(poll) then
    poll = assert(luv.new_poll(core.fd()))
    assert(poll:start("r", pump))
  end
  if not is_usable(timer) then timer = assert(luv.new_timer()) end
  if timeout >= 0 then
    timer:start(timeout, 0, pump)
  else
    timer:stop()
  end
end

function pump()
  core.turn()
  local timeout = core.timeout()
  if timeout then arm(timeout) else close_handles() end
end

--- Take luv's loop if there is one by now.
local function adopt()
  luv = luv or find_luv()
  return luv
end

--- A client connected, or something was queued, between two turns. A loop that watches ours has it done at its next
--- turn; nobody else has to know.
local function on_change()
  if adopt() then arm(0) end
end

core.on_change(on_change)

--- Load luv as require would without us.
local function load_luv(name)
  package.preload[name] = nil
  local tried = {}
  for _, search in ipairs(package.searchers or package.loaders) do
    local load = search(name)
    if type(load) == "function" then return load(name) end
    tried[#tried + 1] = type(load) == "string" and load or nil
  end
  error(("module '%s' not found:%s"):format(name, table.concat(tried)), 3)
end

--- A luv that is loaded after us, when clients are under way already, hears of them once it is there: whoever calls
-- luv.run next turns our loop too.
local function on_luv(name)
  local module = load_luv(name)
  package.loaded[name] = module
  if core.is_alive() and not core.is_turning() then on_change() end
  return module
end

if not find_luv() and package.preload.luv == nil then package.preload.luv = on_luv end

--- Neovim turns its own loop: wait in its way, as long as one of our clients is active.
local function wait_in_neovim(vim)
  local function is_over() return is_stopped or not core.is_alive() end
  while not is_over() do
    vim.wait(60000, is_over, 10)
  end
end

--- The process is ours alone, so that its signals are too: set by `uvws run`.
local is_program = package.loaded["uvws.program"]
local signals = {} -- luv's handles
local exit_status -- of the process, once run returns: a signal has come

local CLOSE_TIMEOUT_MS = 5000
local SIGHUP = 1

--- A script that watches signals itself knows what to do.
local function has_own_signals()
  local is_found = false
  if not luv then return false end
  luv.walk(function(handle)
    if tostring(handle):find("^uv_signal_t") and handle:is_active() and not signals[handle] then is_found = true end
  end)
  return is_found
end

--- The first signal closes every connection as a page that is left does; the second does not wait.
local function on_signal(number)
  if has_own_signals() then return end
  local is_second = exit_status ~= nil
  if is_second and number == SIGHUP then return end -- the shell repeats what the terminal said
  exit_status = 128 + number
  if is_second or not core.is_alive() then return M.stop() end
  if not core.close_all(M.stop, 1001, "", CLOSE_TIMEOUT_MS) then M.stop() end
end

local function make_signals()
  local numbers = { sigint = 2, sigterm = 15, sighup = not core.is_hangup_ignored() and SIGHUP or nil }
  for name, number in pairs(numbers) do
    local handle = luv.new_signal()
    handle:unref()
    signals[handle] = function() handle:start(name, function() on_signal(number) end) end
  end
end

local function watch_signals()
  if not luv then return core.on_signal(on_signal) end
  if not next(signals) then make_signals() end
  for _, start in pairs(signals) do
    start()
  end
end

--- The handles are kept: luv does not survive the end of a state with handles that are half closed.
local function unwatch_signals()
  core.on_signal(nil)
  for handle in pairs(signals) do
    if is_usable(handle) then handle:stop() end
  end
end

--- Let the run under way return.
function M.stop()
  is_stopped = true
  core.stop()
  if luv and luv.stop and not rawget(_G, "vim") then luv.stop() end
end

--- Turn the loop until nothing is active any more: ours, or luv's with all that is on it.
function M.run()
  local host = adopt()
  if core.is_turning() or (host and host.loop_mode and host.loop_mode()) then
    error("run() was called from inside a callback: the loop is being turned already", 2)
  end
  local vim = rawget(_G, "vim")
  is_stopped = false
  if host and core.is_alive() then on_change() end -- clients may have connected before luv was loaded
  if is_program then watch_signals() end
  if not host then
    core.run()
  elseif type(vim) == "table" and vim.wait then
    wait_in_neovim(vim)
  else
    host.run()
  end
  if is_program then unwatch_signals() end
  if exit_status then os.exit(exit_status, true) end
  return true
end

return M
