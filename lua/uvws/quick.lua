--- send without the cost of a call from Lua to C: compiled by LuaJIT together with what calls it.
--
-- It takes the plain case, a string sent from inside a callback or coroutine of the loop. All others, every misuse and
-- every failure go to the core, which does it again in full: uvws_send has done nothing when it fails. Nothing that
-- uvws_send does runs Lua code, as must be for a function that is called this way.
-- @module uvws.quick
-- @local

local core = require("uvws.core")

local M = { send = core.send }

local has_ffi, ffi = pcall(require, "ffi")
local jit = rawget(_G, "jit")

-- Interpreted, ffi is slower than the core.
if not (has_ffi and jit and jit.status()) then return M end

--- The beginnings of struct uvws__lua_client (the uvws_t, NULL once it is freed) and of struct
--- uvws__lua_host (between two turns a loop of somebody else's would have to hear of a send).
local client_pointer = ffi.typeof("struct { void *ws; } *")
local host = ffi.cast("struct { bool is_turning; } *", core.host_pointer)
local uvws_send = ffi.cast("int (*)(void *, int, const char *, size_t, unsigned, void *, void *)", core.send_pointer)

local core_send = core.send
local cast, type, getmetatable = ffi.cast, type, getmetatable
local KINDS = { text = 1, binary = 2 }
local OURS = "WebSocket client" -- what getmetatable says of the core's userdata

--- send(self, data [, kind [, how [, fn]]]), as the core's.
function M.send(self, data, kind, how, fn)
  local number = 1
  if kind ~= nil then number = KINDS[kind] end
  if type(self) == "table" and type(data) == "string" and number and how == nil and fn == nil then
    local part = self[1]
    if type(part) == "userdata" and getmetatable(part) == OURS then
      local handle = cast(client_pointer, part).ws
      if handle ~= nil and host.is_turning then
        local status = uvws_send(handle, number, data, #data, 0, nil, nil)
        if status == 0 then return true end
        if status > 0 then return true, true end
      end
    end
  end
  return core_send(self, data, kind, how, fn)
end

return M
