/**
 * Paths of the API that docs/openapi.json does not have yet. Delete this file when it has them:
 * `api.ts` then takes everything from the generated types.
 */
export interface TimelineEntry {
  id: string;
  at: string;
  kind:
    | 'desired'
    | 'delta'
    | 'reported'
    | 'rejected'
    | 'connected'
    | 'disconnected'
    | 'event'
    | 'command'
    | 'reply'
    | 'refused'
    | 'job'
    | 'workflow'
    | 'finding'
    | 'quarantine';
  text: string;
  trouble: boolean;
  latencyMs: number | null;
  detail: Record<string, unknown>;
}

export interface Timeline {
  thingName: string;
  entries: TimelineEntry[];
  nextToken: string | null;
}

export interface Trouble {
  kind:
    | 'disconnect'
    | 'refused'
    | 'rejected'
    | 'workflow'
    | 'job'
    | 'quarantine'
    | 'pending'
    | 'offline';
  at: string;
  sentence: string;
  cause: string;
  evidence: string[];
  todo: string[];
}

export interface Why {
  thingName: string;
  status: string;
  troubles: Trouble[];
}

export interface PolicyStatement {
  policy: string;
  index: number;
  statement: Record<string, unknown>;
}

export interface Explanation {
  decision: 'ALLOWED' | 'EXPLICIT_DENY' | 'IMPLICIT_DENY';
  statement: PolicyStatement | null;
  nearest: PolicyStatement | null;
  variables: Record<string, unknown>;
  sentence: string;
}

export interface ExplainRequest {
  thingName: string;
  action: 'connect' | 'publish' | 'subscribe' | 'receive';
  resource: string;
}

export interface LiveTicket {
  url: string;
  clientId: string;
  expiresAt: string;
  topicFilters: string[];
}

export interface Workflows {
  workflows: { name: string; definition: Record<string, unknown> }[];
}

export interface ExecutionRow {
  name: string;
  workflow: string;
  thingName: string | null;
  status: string;
  startedAt: string;
  stoppedAt: string | null;
}

export interface Executions {
  executions: ExecutionRow[];
  nextToken: string | null;
}

interface Answer<Body> {
  responses: {
    200: { headers: Record<string, unknown>; content: { 'application/json': Body } };
  };
}
interface Get<Body, Given> {
  get: Answer<Body> & { parameters: Given; requestBody?: never };
}
interface Post<Given, Body> {
  post: Answer<Body> & {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    requestBody: { content: { 'application/json': Given } };
  };
}
interface OfThing {
  path: { thingName: string };
}

export interface LaterPaths {
  '/v1/devices/{thingName}/timeline': Get<
    Timeline,
    OfThing & { query?: { limit?: number; nextToken?: string } }
  >;
  '/v1/devices/{thingName}/why': Get<Why, OfThing>;
  '/v1/policies/explain': Post<ExplainRequest, Explanation>;
  '/v1/live': Post<{ thingName?: string }, LiveTicket>;
  '/v1/workflows': Get<Workflows, { query?: never }>;
  '/v1/executions': Get<
    Executions,
    { query?: { workflow?: string; status?: string; nextToken?: string } }
  >;
}
