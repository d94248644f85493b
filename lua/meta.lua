---@meta
-- Types of the Lua modules, for the Lua language server. Times are in milliseconds, sizes in bytes.

---@class uvws.CompressionParameters permessage-deflate (RFC 7692)
---@field level? integer 1 (fast) to 9 (small); default 6
---@field memory_level? integer 1 to 9; default 8
---@field threshold? integer shorter messages go out plain; default 1,024
---@field client_max_window_bits? integer 8 to 15, for what we send; default: the server chooses
---@field server_max_window_bits? integer 8 to 15, asked of the server; default: not asked
---@field client_no_context_takeover? boolean each message that we send is compressed on its own
---@field server_no_context_takeover? boolean asked of the server

---@class uvws.Reconnect to connect again whenever a connection ends that close did not end
---@field delay_ms? number the wait before attempt n is up to delay_ms * 2^(n-1); default 1,000
---@field max_delay_ms? number default 30,000
---@field stable_ms? number a connection open for so long starts the count anew; default 10,000
---@field max_attempts? integer default: no limit
---@field no_jitter? boolean always the longest wait
---@field keep_bytes? number messages not sent yet are kept for the next connection; default: none

---Functions answer at once: they cannot wait. An error in one means no further attempt.
---@field should_retry? fun(event: uvws.RetryEvent): boolean|nil nil: the library's own judgement
---@field before_attempt? fun(event: uvws.AttemptEvent): table|boolean|nil options to change, uri too; false gives up

---@class uvws.RetryEvent
---@field target table the client
---@field attempt integer the one that would come
---@field was_open boolean the connection had opened
---@field retry_after_ms? number what the server asked for
---@field error? uvws.Failure
---@field close { code: integer, reason: string, was_clean: boolean }

---@class uvws.AttemptEvent
---@field target table the client
---@field attempt integer
---@field uri string of connect

---@class uvws.VerifyEvent
---@field target table the client
---@field is_good boolean the library would accept the certificate
---@field code? integer why it would not
---@field name? string the code's symbolic name
---@field message? string the same in words
---@field tls uvws.TlsInfo

---@alias uvws.TlsVersion "TLS_V1"|"TLS_V1_1"|"TLS_V1_2"|"TLS_V1_3" # the constants TLS_1_0 to TLS_1_3

---math.huge stands for "no time-out" and "no limit". Any other name is refused.
---@class uvws.ConnectOptions
---@field port? integer wins over the URI's; default: the URI's, else 80 or 443
---@field headers? table<string, string>|string[][] name = value, or a list of {name, value} where a name repeats
---@field protocols? string|string[] subprotocols, the most wanted first
---@field origin? string
---@field connect_timeout_ms? number from the name to TCP; default 10,000
---@field handshake_timeout_ms? number TLS and HTTP; default 10,000
---@field close_timeout_ms? number the closing handshake; default 5,000
---@field ping_interval_ms? number a Ping after so much silence from the server; default: none
---@field pong_timeout_ms? number how long a Ping may go without a sign of life; default 10,000
---@field idle_timeout_ms? number without a message either way; default: never
---@field max_message_size? number received; default 16 MiB
---@field max_fragments? number of a received message; default 65,536
---@field max_head_size? number of the HTTP answer; default 64 KiB
---@field compression? boolean|uvws.CompressionParameters default true: offered
---@field tls? uvws.TlsVersion exactly this version; default: 1.2 or newer
---@field tls_min? uvws.TlsVersion not together with tls
---@field tls_max? uvws.TlsVersion not together with tls
---@field ca_file? string PEM; default with ca_path: the system's store
---@field ca_path? string a folder of hashed PEM files
---@field cert_file? string the client's certificate chain, PEM
---@field key_file? string its key, PEM; default: in cert_file
---@field server_name? string for SNI and verification; default: the URI's host
---@field ca_pem? string trusted certificates, the text of a PEM file
---@field cert_pem? string in place of cert_file
---@field key_pem? string in place of key_file; default: in cert_pem
---@field pkcs12_file? string client certificate and key, in place of cert_file
---@field key_password? string opens the key or the PKCS#12 file
---@field ciphers? string OpenSSL's list for TLS 1.2 and older
---@field ciphersuites? string OpenSSL's list for TLS 1.3
---@field alpn? string application protocols offered, joined by ","; "": none; default: "http/1.1"
---@field pinned_public_key? string "sha256//BASE64" of the server's key, several joined by ";"
---@field crl_file? string revocation lists, PEM, one of each issuer
---@field require_ocsp_staple? boolean the server must staple a good OCSP response
---@field no_session_resumption? boolean a whole TLS handshake each time
---@field keylog_file? string the keys are appended to it, for Wireshark
---@field keylog_from_env? boolean the same to the file that SSLKEYLOGFILE names
---@field on_verify? fun(event: uvws.VerifyEvent): boolean|nil accept? nil: as the library would; an error refuses
---@field on_key_password? fun(event: { target: table }): string|nil opens the key
---@field insecure_skip_verify? boolean accept any certificate: anybody may read, and answer for the server
---@field high_water_mark? number of what is queued to be sent; default 1 MiB
---@field low_water_mark? number default: a quarter of high_water_mark
---@field max_buffered? number a send that would go beyond is refused; default: no limit
---@field socket_path? string a unix domain socket to connect to; the URI still gives host and path
---@field local_address? string the IP address of this machine to connect from
---@field tcp_keepalive_s? number seconds of silence before TCP probes the peer; default: never
---@field attempt_timeout_ms? number for each address of a name; default: connect_timeout_ms alone
---@field proxy? string http://user:password@host:port, https://, socks5://, socks5h://, socks4a://
---@field proxy_headers? table as headers, of the CONNECT request
---@field proxy_ca_file? string PEM, for an https proxy; default: the system's store
---@field proxy_from_env? boolean take http_proxy, https_proxy, all_proxy and no_proxy into account
---@field max_redirects? number how many are followed; default: none
---@field bearer_token? string sends Authorization: Bearer
---@field reconnect? boolean|uvws.Reconnect default false
---@field schedule? boolean in Neovim: events come by vim.schedule, not in the fast context
---@field receive_mark? number uvws only: received bytes nobody asked for, beyond which reading pauses; default 1 MiB
---@field protocol? string the plugin's old name of protocols; "7", "8" and "13" mean nothing
---@field throttle? any the plugin's; means nothing

---@class uvws.Message
---@field data string
---@field type "text"|"binary"

---@class uvws.Event
---@field name "WsEvent0"
---@field type "OnOpen0"|"OnMessage0"|"OnError0"|"OnClose0"
---@field target uvws.WebSocket the client that hears it
---@field data? string ONMESSAGE: the message
---@field isBinary? boolean ONMESSAGE
---@field message? uvws.Message ONMESSAGE: data and type once more
---@field code? integer ONCLOSE: the close code (RFC 6455 7.4), 1005 or 1006 without one; ONERROR: negative
---@field reason? string ONCLOSE: the peer's reason, or why there is none; ONERROR: one line for a person
---@field wasClean? boolean ONCLOSE: both sides said Close
---@field error? string ONERROR: the symbolic name of the code, "ECONNREFUSED" or "UVWS_EHTTP_STATUS"
---@field status? integer ONERROR, when a server answered with HTTP: the status
---@field headers? table ONERROR with status: a list of {name, value}, and the first value of each by lower-case name
---@field body? string ONERROR with status: the first 64 KiB of the body

---@alias uvws.Listener fun(event: uvws.Event)|table # a table's method of the event's name is called: t:WsEvent0(event)

---@class uvws.Constants
---@field WSEVENT "WsEvent0"
---@field ONOPEN "OnOpen0"
---@field ONMESSAGE "OnMessage0"
---@field ONCLOSE "OnClose0"
---@field ONERROR "OnError0"
---@field TLS_1_0 "TLS_V1"
---@field TLS_1_1 "TLS_V1_1"
---@field TLS_1_2 "TLS_V1_2"
---@field TLS_1_3 "TLS_V1_3"
---@field TEXT "text"
---@field BINARY "binary"
---@field OFF 0
---@field LOW 33
---@field MEDIUM 66
---@field HIGH 1000
---@field P7 "7"
---@field P8 "8"
---@field P13 "13"

---A client. For every connect that returned true: at most one ONOPEN, at most one ONERROR, then exactly one ONCLOSE,
---last. A program may keep fields of its own in it, under names that are strings.
---@class uvws.WebSocket : uvws.Constants
local WebSocket = {}

---Hear the client's events. A wrong event name or listener raises.
---@param event "WsEvent0"
---@param handler uvws.Listener
---@return true
function WebSocket:addEventListener(event, handler) end

---Take back one addEventListener.
---@param event "WsEvent0"
---@param handler uvws.Listener
---@return true|nil # nil when there was none
function WebSocket:removeEventListener(event, handler) end

---Begin to connect; from the listener of ONCLOSE too. Wrong argument types raise.
---@param uri string
---@param options? uvws.ConnectOptions
---@return true|nil
---@return string? message
---@return integer? code
function WebSocket:connect(uri, options) end

---Queue a message. Before ONOPEN it waits. After the close, and while closing, it is refused.
---@param data string
---@param kind? "text"|"binary" default "text"
---@return true|nil
---@return string? message
---@return integer? code
function WebSocket:send(data, kind) end

---Start the closing handshake; while connecting, cancel. Before connect and after the close it does nothing.
---@param code? integer default 1000; 1000 to 1003, 1007 to 1014, 3000 to 4999; 0 sends a Close without one
---@param reason? string UTF-8, at most 123 bytes
---@return true|nil
---@return string? message
---@return integer? code
function WebSocket:disconnect(code, reason) end

---@return string
function WebSocket:getVersion() end

---@class uvws.Failure how a connection failed
---@field code integer negative
---@field message string one line for a person
---@field name string "ECONNREFUSED" or "UVWS_EHTTP_STATUS"
---@field status? integer when a server answered with HTTP
---@field headers? table a list of {name, value}, and the first value of each by lower-case name
---@field body? string the first 64 KiB

---@class uvws.Stats
---@field bytes_in integer
---@field bytes_out integer
---@field bytes_dropped integer
---@field messages_in integer
---@field messages_out integer
---@field frames_in integer
---@field frames_out integer
---@field pings_in integer
---@field pings_out integer
---@field pongs_in integer
---@field pongs_out integer
---@field compressed_bytes_in integer
---@field expanded_bytes_in integer
---@field compressed_bytes_out integer
---@field plain_bytes_out integer
---@field connects integer
---@field reconnects integer
---@field opens integer
---@field failures integer
---@field clients integer
---@field open integer
---@field buffered integer
---@field resolve_us integer
---@field connect_us integer
---@field tls_us integer
---@field upgrade_us integer
---@field rtt_last_us integer
---@field rtt_smoothed_us integer
---@field rtt_min_us integer

---@class uvws.Certificate
---@field subject string
---@field issuer string
---@field not_before string
---@field not_after string
---@field sha256 string
---@field public_key_pin string
---@field pem string

---@class uvws.TlsInfo
---@field version uvws.TlsVersion
---@field cipher string
---@field alpn? string
---@field is_resumed boolean
---@field certificates uvws.Certificate[]

---A client of require("uvws"). Every counter of uvws.Stats but open is a property of it too.
---@class uvws.Client : uvws.Stats
---@field state "closed"|"connecting"|"open"|"closing"
---@field buffered integer bytes queued to be sent
---@field protocol? string the subprotocol that the server chose
---@field queued integer bytes received and not asked for
---@field stats uvws.Stats
---@field close_code? integer after the end
---@field close_reason? string
---@field was_clean? boolean
---@field failure? uvws.Failure
local Client = {}

---@param timeout? number milliseconds
---@param callback? fun(message: string|nil, kind: string, code: integer|nil)
---@return string|nil message
---@return string kind or why
---@return integer? code
---@overload fun(self: uvws.Client, callback: function): true
function Client:receive(timeout, callback) end

---@param timeout? number milliseconds
---@param callback? function
---@return string|nil piece
---@return string kind or why
---@return boolean|integer is_first or code
---@return boolean? is_last
function Client:receive_chunk(timeout, callback) end

---@param callback? fun(message: string|nil, kind: string, code: integer|nil)
---@return fun(): string|nil, string
function Client:messages(callback) end

---@return fun(): string|nil, string, boolean, boolean
function Client:chunks() end

---@param callback fun(pointer: ffi.cdata*|nil, length: integer|string, kind: string|integer) valid until it returns
---@return true
function Client:views(callback) end

---@param data string
---@param kind? "text"|"binary" default "text"
---@param how? "compressed"|"plain"
---@param callback? fun(ok: true|nil, message: string|nil, code: integer|nil)
---@return true|nil
---@return string? message
---@return integer? code
function Client:send(data, kind, how, callback) end

---@param kind? "text"|"binary"
---@param how? "compressed"|"plain"
---@return true|nil
---@return string? message
---@return integer? code
function Client:message_begin(kind, how) end

---@param data string
---@return true|nil
---@return string? message
---@return integer? code
function Client:message_write(data) end

---@return true|nil
---@return string? message
---@return integer? code
function Client:message_end() end

---@param timeout? number milliseconds
---@param callback? fun(round_trip_ms: number|nil, message: string|nil, code: integer|nil)
---@return number|nil round_trip_ms
---@return string? message
---@return integer? code
function Client:ping(timeout, callback) end

---@param code? integer default 1000
---@param reason? string
---@param callback? function
---@return true|nil
---@return string? message
---@return integer? code
function Client:close(code, reason, callback) end

function Client:pause() end

function Client:resume() end

---@param callback fun(attempt: integer, delay_ms: number, why: string, code: integer)|nil
function Client:on_retry(callback) end

---@return uvws.TlsInfo|nil
---@return string? message
---@return integer? code
function Client:tls_info() end

---@param name string without regard to case
---@return string|nil
function Client:header(name) end

---@param labels? string
---@return string
function Client:prometheus(labels) end

---@class uvws.Task
local Task = {}

---@param timeout? number milliseconds
---@return any ... what its function returned; nil, message when it raised; nil, "timed out", code
function Task:join(timeout) end

---End a future; whoever joins gets these values.
---@param ... any
function Task:set(...) end

---@class uvws
---@field _VERSION string
local uvws = {}

---@param uri string
---@param options? uvws.ConnectOptions
---@param callback? fun(ws: uvws.Client|nil, message: string|nil, code: integer|nil, failure: uvws.Failure|nil)
---@return uvws.Client|nil
---@return string? message
---@return integer? code
---@return uvws.Failure? failure
function uvws.connect(uri, options, callback) end

---@param fn function
---@param ... any
---@return uvws.Task
function uvws.spawn(fn, ...) end

---@return uvws.Task # with set
function uvws.future() end

---@param fn? function
---@param ... any
---@return any ...
function uvws.run(fn, ...) end

---@param ms number
---@param callback? function
---@return true|nil
---@return string? message
---@return integer? code
function uvws.sleep(ms, callback) end

---@param ms number
---@param fn function
---@param ... any
---@return any ...
function uvws.timeout(ms, fn, ...) end

---@param code? integer
---@param reason? string
---@param timeout_ms? number
---@param callback? function
---@return integer|nil cut_count
---@return string? message
---@return integer? code
function uvws.close_all(code, reason, timeout_ms, callback) end

---@return uvws.Stats
function uvws.stats() end

---@param labels? string
---@return string
function uvws.prometheus(labels) end

---The library's own judgement.
---@param event uvws.RetryEvent
---@return boolean
function uvws.should_retry(event) end

---@class uvws.TraceEvent
---@field level "error"|"warn"|"info"|"debug"|"frames"
---@field kind "text"|"head_out"|"head_in"|"frame_out"|"frame_in"
---@field text string one line
---@field time_ms number when it happened
---@field target? table the client, unless it is closed by now
---@field opcode? integer of a frame
---@field fin? boolean
---@field rsv? integer 4: compressed
---@field payload_len? integer

---Events come before the callback that they led to; fn may do anything. Without fn: to standard error.
---@param level "off"|"error"|"warn"|"info"|"debug"|"frames"
---@param fn? fun(event: uvws.TraceEvent)
function uvws.trace(level, fn) end

---@param code integer
---@return string
function uvws.error_name(code) end

---@param handler fun(message: any)|nil
---@return fun(message: any)|nil before
function uvws.set_error_handler(handler) end

---@class plugin.websockets : uvws.Constants
---@field _VERSION string
local WebSockets = {}

---@return uvws.WebSocket
function WebSockets.new() end

---Turn the loop until nothing is active any more. Not from inside a callback, where it raises. Where luv or Neovim
---turn a loop, nobody needs to call it.
---@return true
function WebSockets.run() end

---Who hears of errors in listeners, with their tracebacks; nil: standard error.
---@param handler fun(message: any)|nil
---@return fun(message: any)|nil before
function WebSockets.setErrorHandler(handler) end

return WebSockets
