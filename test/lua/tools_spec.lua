--- Whether the types, the pages and the rock know all that there is.

local client = require("uvws.client")
local support = require("support")
local uvws = require("uvws")

local root = support.examples .. "/../"

local function read(name)
  local file = assert(io.open(name))
  local text = file:read("*a")
  file:close()
  return text
end

local function has(program) return io.popen("command -v " .. program):read("*l") ~= nil end

--- The names of all functions that a program can call, with their owner.
local function public_functions()
  local names = {}
  for name, value in pairs(uvws) do
    if type(value) == "function" then names[#names + 1] = "uvws." .. name end
  end
  for name in pairs(client.methods) do
    names[#names + 1] = "Client:" .. name
  end
  for name, value in pairs(require("plugin.websockets")) do
    if type(value) == "function" then names[#names + 1] = "WebSockets." .. name end
  end
  assert.is_true(#names > 25)
  return names
end

describe("the types", function()
  it("are there for every public function", function()
    local meta = read(root .. "lua/meta.lua")
    for _, name in ipairs(public_functions()) do
      if name ~= "uvws.bind" then assert.is_truthy(meta:find("function " .. name .. "(", 1, true), name) end
    end
  end)

  it("are there for every option, and the options of C are all in Lua", function()
    local meta = read(root .. "lua/meta.lua")
    local options = read(root .. "src/lua/options.c")
    for name in options:gmatch('FIELD%(([%w_]+)%), read') do
      assert.is_truthy(meta:find("---@field " .. name .. "?", 1, true), name)
    end
  end)

  it("are there for every counter", function()
    local meta = read(root .. "lua/meta.lua")
    for name in pairs(uvws.stats()) do
      assert.is_truthy(meta:find("---@field " .. name .. " integer", 1, true), name)
    end
  end)
end)

describe("ldoc", function()
  local ldoc_it = has("ldoc") and it or function(name) pending(name .. " (there is no ldoc)") end
  ldoc_it("makes pages with every public function in them, without a warning", function()
    local folder = os.tmpname()
    os.remove(folder)
    local printed, status = support.execute("env", "-u", "LD_PRELOAD", "-u", "LUA_PATH", "-u", "LUA_CPATH", "sh", "-c",
      ("cd '%s' && ldoc --fatalwarnings --dir %s ."):format(root, folder))
    assert.equal(0, status, printed)
    local pages = read(folder .. "/modules/uvws.html") .. read(folder .. "/classes/uvws.client.html")
      .. read(folder .. "/modules/plugin.websockets.html")
    os.execute("rm -rf " .. folder)
    for _, name in ipairs(public_functions()) do
      local plain = name:gsub("^uvws%.", "")
      assert.is_truthy(pages:find('name = "' .. plain, 1, true) or pages:find(">" .. plain, 1, true)
        or pages:find(plain .. " ", 1, true), name)
    end
  end)
end)

describe("the rock", function()
  it("has every module", function()
    local rock = read(root .. "uvws-scm-1.rockspec")
    for path in io.popen(("cd '%s' && find lua -name '*.lua'"):format(root)):lines() do
      if path ~= "lua/meta.lua" then assert.is_truthy(rock:find('"' .. path .. '"', 1, true), path) end
    end
  end)
end)
