-- What luacheck is to know of this repository.
std = "luajit"
max_line_length = 120
files["test"] = { std = "+busted" }
files["lua/meta.lua"] = { ignore = { "212", "241" } } -- types only: nothing has a body
files["examples/nvim"] = { read_globals = { "vim" }, globals = { "live" } }
