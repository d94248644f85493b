--- The ground that uvws and plugin.websockets stand on: tables that are clients, with handlers for their events.
-- @module uvws.face
-- @local

local core = require("uvws.core")
require("uvws.loop")

local unpack = table.unpack or unpack

local M = {}

--- Where a client keeps its handlers; [1] is the core's, [2] the face's. Strings are free for the program.
local HANDLERS = 3

--- Neovim's vim.schedule, or nil.
function M.find_schedule()
  local vim = rawget(_G, "vim")
  return type(vim) == "table" and vim.schedule or nil
end

local scheduled = setmetatable({}, { __mode = "k" }) -- the same handlers by way of vim.schedule

local function make_scheduled(handlers, schedule)
  local made = {}
  for name, handler in pairs(handlers) do
    made[name] = function(...)
      local count, arguments = select("#", ...), { ... }
      schedule(function() handler(unpack(arguments, 1, count)) end)
    end
  end
  return made
end

--- Make the table self a client: its events go to the functions in handlers, of which each may be absent:
-- open(self), message(self, data, is_binary), error(self, code, message, name, status, headers, body),
-- close(self, code, reason, was_clean), ping(self, data), pong(self, data), drain(self),
-- chunk(self, data, is_binary, is_first, is_last), view(self, pointer, length, is_binary).
-- @tparam table self
-- @tparam table handlers
-- @treturn table self
function M.bind(self, handlers)
  self[HANDLERS] = handlers
  return core.bind(self, handlers)
end

--- Replace the handlers.
function M.handle(self, handlers)
  self[HANDLERS] = handlers
  core.handle(self, handlers)
end

--- connect(self, uri [, options]): begin to connect; with the option schedule the events come by vim.schedule.
-- @return true, or nil, message, code
function M.connect(...) -- handed on as they came, so that errors name what is missing
  local self, _, options = ...
  local wants_schedule = type(options) == "table" and rawget(options, "schedule") == true
  if not wants_schedule and not (type(self) == "table" and self.is_scheduled) then
    return core.connect(...)
  end
  if core.state(self) == "closed" then
    local handlers = self[HANDLERS]
    if wants_schedule then
      local schedule = M.find_schedule()
      if not schedule then return nil, "bad option 'schedule': it needs Neovim", core.EOPTION end
      scheduled[handlers] = scheduled[handlers] or make_scheduled(handlers, schedule)
      handlers = scheduled[handlers]
    end
    self.is_scheduled = wants_schedule or nil
    core.handle(self, handlers)
  end
  return core.connect(...)
end

return M
