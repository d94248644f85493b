'use strict';
// npm ws as a test server; README.md beside this file tells what each path does.

const fs = require('fs');
const http = require('http');
const https = require('https');
const { WebSocketServer } = loadWs();

function loadWs() {
  try {
    return require('ws');
  } catch {
    console.error('npm ws is missing: run "npm ci" in test/servers, or script/test, which does');
    process.exit(1);
  }
}

function echo(socket) {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
}

const routes = {
  echo,
  first(socket) {
    echo(socket);
    socket.send('welcome');
    socket.send(Buffer.from([0, 1, 2]));
  },
  fragments(socket) {
    echo(socket);
    socket.send('one ', { fin: false });
    socket.send('two ', { fin: false });
    socket.ping('between');
    socket.send('three', { fin: true });
  },
  ping(socket) {
    socket.on('pong', (data) => socket.send('pong ' + data));
    socket.ping('are you there');
  },
  close(socket, code, reason) {
    socket.close(code ? Number(code) : undefined, reason);
  },
  drop(socket) {
    socket.terminate();
  },
  protocol: echo,
};

function split(request) {
  return request.url.split('/').slice(1).map(decodeURIComponent);
}

function refuse(socket, status) {
  const body = `refused with ${status}\n`;
  socket.end(
    `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\n` +
      'X-Refused-By: ws\r\nLocation: /elsewhere\r\nContent-Type: text/plain\r\n' +
      `Connection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}

function chooseProtocol(offered, request) {
  const [route, name] = split(request);
  return route === 'protocol' && name !== 'none' ? name : false;
}

function main(args) {
  const tls = args.indexOf('--tls');
  const isSecure = tls >= 0;
  const server = isSecure
    ? https.createServer({ cert: fs.readFileSync(args[tls + 1]), key: fs.readFileSync(args[tls + 2]) })
    : http.createServer();
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: args.includes('--deflate'),
    handleProtocols: chooseProtocol,
  });

  server.on('upgrade', (request, stream, head) => {
    const [route, ...words] = split(request);
    if (route === 'refuse' || !(route in routes)) return refuse(stream, words[0] || 404);
    sockets.handleUpgrade(request, stream, head, (socket) => {
      socket.on('error', () => {});
      routes[route](socket, ...words);
    });
  });
  server.listen({ host: '127.0.0.1', port: 0, backlog: 2048 }, () => {
    console.log(`listening on ${isSecure ? 'wss' : 'ws'}://127.0.0.1:${server.address().port}/`);
  });
  process.stdin.on('end', () => process.exit(0));
  process.stdin.resume();
}

main(process.argv.slice(2));
