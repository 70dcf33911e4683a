// Socket.IO on Node: `POST /publish` emits the message's content to one room, in which every connection is.
import { createServer } from "node:http";
import { createRequire } from "node:module";

const [, , port, modules] = process.argv;
const { Server } = createRequire(`${modules}/`)("socket.io");
const http = createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => (body += chunk));
  request.on("end", () => {
    io.to("room").emit("message", JSON.parse(body).content);
    response.writeHead(201, { "content-type": "application/json", "content-length": 11 });
    response.end('{"ok":true}');
  });
});
http.keepAliveTimeout = 75_000;
const io = new Server(http, { serveClient: false, perMessageDeflate: false });
io.on("connection", (socket) => socket.join("room"));
http.listen(Number(port), "127.0.0.1");
