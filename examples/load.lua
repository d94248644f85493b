-- Load for an echo server: clients that each keep some messages in flight; tells messages a second and round trips.
--
--   uvws run examples/load.lua URI [CLIENTS [MESSAGES [SIZE [IN_FLIGHT]]]]

local core = require("uvws.core")
local uvws = require("uvws")

local uri = arg[1] or "ws://127.0.0.1:9001/"
local client_count, message_count = tonumber(arg[2]) or 10, tonumber(arg[3]) or 1000
local size, in_flight = tonumber(arg[4]) or 64, tonumber(arg[5]) or 8

local payload = ("x"):rep(size)
local trips = {}

local function load()
  local ws = assert(uvws.connect(uri, { compression = false }))
  local sent_at, sent = {}, 0
  local function send()
    sent = sent + 1
    sent_at[sent] = core.clock()
    assert(ws:send(payload, "binary"))
  end
  for _ = 1, math.min(in_flight, message_count) do
    send()
  end
  for i = 1, message_count do
    local message, why = ws:receive(10000)
    assert(message == payload, why)
    trips[#trips + 1] = core.clock() - sent_at[i]
    if sent < message_count then send() end
  end
  ws:close()
end

uvws.run(function()
  local began = core.clock()
  local tasks = {}
  for i = 1, client_count do
    tasks[i] = uvws.spawn(load)
  end
  for _, task in ipairs(tasks) do
    task:join()
  end
  local seconds = (core.clock() - began) / 1000
  table.sort(trips)
  print(("%d messages of %d bytes, %.0f a second"):format(#trips, size, #trips / seconds))
  for _, percent in ipairs({ 50, 90, 99, 100 }) do
    print(("%3d %% within %.3f ms"):format(percent, trips[math.ceil(#trips * percent / 100)] or 0))
  end
end)
