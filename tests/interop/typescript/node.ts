// The partner on Node, over gRPC: `run node EDGE_ADDRESS`.

import { createGrpcTransport } from "@connectrpc/connect-node";
import { checkPartner, failures } from "./checks.js";
import { Partner, bearer } from "./partner.js";
import { accessToken } from "./token.js";

const baseUrl = `http://${process.argv[2]}`;
const interceptors = [bearer(await accessToken(baseUrl))];
await checkPartner(new Partner(createGrpcTransport({ baseUrl, interceptors })), `node-${crypto.randomUUID()}`);
process.exitCode = failures > 0 ? 1 : 0;
