// A router in another language: hands requests on, with the key of POLICY, or answers by itself.
import http from "node:http";

const upstream = process.env.UPSTREAM ?? "http://127.0.0.1:5000";
const policy = process.env.POLICY ?? "passthrough";
const agent = new http.Agent({ keepAlive: true });

function authorization(request) {
  const given = request.headers.authorization;
  if (policy === "keyed") return `Bearer ${process.env.KEY}`;
  if (policy === "wrong") return "Bearer a-key-of-former-times";
  return policy === "none" ? undefined : given;
}

http.createServer((request, response) => {
  if (policy === "table" || policy === "probe") {
    response.end(JSON.stringify({ object: "list", data: [{ id: "m", object: "model" }] }));
    return;
  }
  const key = authorization(request);
  const headers = key ? { authorization: key } : {};
  const asked = http.request(upstream + request.url, { method: request.method, headers }, (answer) => {
    response.writeHead(answer.statusCode, { "content-type": "application/json" });
    answer.pipe(response);
  });
  asked.on("error", () => response.writeHead(503).end());
  request.pipe(asked);
}).listen(Number(process.env.PORT), "127.0.0.1");

if (policy === "probe") {
  setInterval(() => {
    http.get(`${upstream}/v1/models`, { agent }, (answer) => answer.resume()).on("error", () => {});
  }, 200);
}
