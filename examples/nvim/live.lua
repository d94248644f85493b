-- A Neovim plugin: lines that a WebSocket server sends appear at the end of a buffer, and :LiveSend sends one.
--
--   :luafile examples/nvim/live.lua
--   :LiveOpen ws://127.0.0.1:9001/
--
-- The option schedule has events come where Neovim's API may be called.

local WebSockets = require("plugin.websockets")

local M = { lines = 0 }

local function append(line)
  if not vim.api.nvim_buf_is_valid(M.buffer) then return end
  vim.api.nvim_buf_set_lines(M.buffer, -1, -1, false, vim.split(line, "\n", { plain = true }))
  M.lines = M.lines + 1
end

local on = {
  [WebSockets.ONOPEN] = function() append("-- open") end,
  [WebSockets.ONMESSAGE] = function(event) append(event.data) end,
  [WebSockets.ONERROR] = function(event) append("-- " .. event.reason) end,
  [WebSockets.ONCLOSE] = function(event) append(("-- closed %d %s"):format(event.code, event.reason)) end,
}

function M.open(uri)
  if M.ws then M.ws:disconnect() end
  M.buffer = vim.api.nvim_create_buf(true, true)
  vim.api.nvim_buf_set_name(M.buffer, "live://" .. M.buffer)
  M.ws = WebSockets.new()
  M.ws:addEventListener(WebSockets.WSEVENT, function(event) on[event.type](event) end)
  local ok, message = M.ws:connect(uri, { schedule = true })
  if not ok then vim.notify(message, vim.log.levels.ERROR) end
  return M.buffer
end

function M.send(line)
  local ok, message = M.ws:send(line)
  if not ok then vim.notify(message, vim.log.levels.ERROR) end
end

function M.close()
  if M.ws then M.ws:disconnect() end
end

local command = vim.api.nvim_create_user_command or vim.api.nvim_add_user_command
command("LiveOpen", function(arguments) vim.cmd("buffer " .. M.open(arguments.args)) end, { nargs = 1 })
command("LiveSend", function(arguments) M.send(arguments.args) end, { nargs = 1 })
command("LiveClose", function() M.close() end, {})

_G.live = M
return M
