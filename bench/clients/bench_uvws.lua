--- bench_uvws.lua URI echo|receive KIND SIZE IN_FLIGHT WARMUP COUNT: plugin.websockets as a measured client; what the
--- arguments mean: job.h. Run by `uvws run`.

local WebSockets = require("plugin.websockets")

local uri, mode, kind = arg[1], arg[2], arg[3]
local size, in_flight, warmup, count = tonumber(arg[4]), tonumber(arg[5]), tonumber(arg[6]), tonumber(arg[7])
local unit = "The quick brown fox. "
local payload = unit:rep(math.floor(size / #unit))
payload = payload .. ("."):rep(size - #payload)

local ws = WebSockets.new()
local how = kind == "binary" and ws.BINARY or nil
local done, started = 0, nil

--- One message more: the clock starts and stops as they pass.
local function tick()
  done = done + 1
  if done == warmup then
    started = os.clock()
  elseif done == warmup + count then
    local cpu_ns = (os.clock() - started) * 1e9
    print(('{"messages": %d, "cpu_ns": %.0f, "wall_ns": 0, "rss_kb": 0, "rss_growth_kb": 0}'):format(count, cpu_ns))
    ws:disconnect()
  end
end

ws:addEventListener(ws.WSEVENT, function(event)
  if event.type == ws.ONMESSAGE then
    tick()
    if mode == "echo" and done < warmup + count then ws:send(payload, how) end
  elseif event.type == ws.ONOPEN then
    if mode ~= "echo" then return end
    for _ = 1, in_flight do
      ws:send(payload, how)
    end
  elseif event.type == ws.ONERROR then
    io.stderr:write(event.reason, "\n")
    os.exit(1)
  end
end)

ws:connect(uri, {
  compression = false,
  insecure_skip_verify = true,
  max_message_size = math.huge,
  close_timeout_ms = 10,
})
