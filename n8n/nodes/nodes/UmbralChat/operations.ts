// What each operation asks of the service. Pure: parameters in, a request out.

import type { IDataObject, IHttpRequestMethods } from 'n8n-workflow';

export interface ServiceRequest {
	method: IHttpRequestMethods;
	path: string;
	qs?: IDataObject;
	body?: IDataObject;
}

/** A parameter of the node, by its name; undefined where it is not shown. */
export type Parameters = (name: string) => unknown;

/** What is the same in each try of an execution, and different in every other one. */
export interface Ids {
	clientId: string;
	runId: string;
}

type Operation = (get: Parameters, ids: Ids) => ServiceRequest;

const OPERATIONS: Record<string, Operation> = {
	'message:send': (get, { clientId, runId }) => ({
		method: 'POST',
		path: `${conversation(get)}/messages`,
		body: given({
			content: text(get('content')),
			sender: sender(get),
			client_id: option(get, 'clientId') ?? clientId,
			message_id: option(get, 'messageId'),
			reply_to: option(get, 'replyTo'),
			finish: option(get, 'finish'),
			metadata: answering(get, runId),
		}),
	}),
	'message:edit': (get) => ({
		method: 'PATCH',
		path: message(get),
		body: given({ content: text(get('content')), metadata: metadata(get) }),
	}),
	'message:redact': (get) => ({ method: 'DELETE', path: message(get) }),
	'message:getAll': (get) => ({
		method: 'GET',
		path: `${conversation(get)}/messages`,
		qs: given({ limit: get('limit') ?? 50, before: option(get, 'before'), after: option(get, 'after') }),
	}),
	'conversation:get': (get) => ({ method: 'GET', path: conversation(get) }),
	'conversation:transcript': (get) => ({
		method: 'GET',
		path: `${conversation(get)}/transcript`,
		qs: { format: text(get('format')) || 'openai' },
	}),
	'conversation:handOver': (get) => patch(get, { responder: 'human' }),
	'conversation:handBack': (get) => patch(get, { responder: 'assistant' }),
	'conversation:close': (get) => patch(get, { status: 'closed' }),
	'conversation:reopen': (get) => patch(get, { status: 'open' }),
	'conversation:presence': (get) => ({ method: 'GET', path: `${conversation(get)}/presence` }),
	'typing:start': (get) => ({
		method: 'POST',
		path: `${conversation(get)}/typing`,
		body: { sender: sender(get), seconds: get('seconds') ?? 60 } as IDataObject,
	}),
	'typing:stop': (get) => ({
		method: 'POST',
		path: `${conversation(get)}/typing`,
		body: { sender: sender(get), typing: false } as IDataObject,
	}),
	'run:start': (get, { runId }) => ({
		method: 'POST',
		path: `${conversation(get)}/runs`,
		body: given({
			run_id: text(get('runId')) || runId,
			sender: sender(get),
			for_seq: number(option(get, 'forSeq')),
			message_id: option(get, 'messageId'),
		}),
	}),
	'run:progress': (get, ids) => ({
		method: 'POST',
		path: `${run(get, ids)}/progress`,
		body: given({ state: get('state'), label: text(get('label')) || undefined, ttl: number(get('ttl')) || undefined }),
	}),
	'run:end': (get, ids) => ({
		method: 'POST',
		path: `${run(get, ids)}/end`,
		body: given({ outcome: get('outcome'), reason: text(get('reason')) || undefined }),
	}),
	'token:create': (get) => ({
		method: 'POST',
		path: '/v1/tokens',
		body: given({
			conversation: text(get('conversation')),
			subject: text(get('subject')),
			name: option(get, 'name'),
			rights: get('rights'),
			ttl: number(get('ttl')),
		}),
	}),
};

/** The request of an operation. Throws a RangeError for one that is none, and for a conversation without an id. */
export function requestOf(resource: string, operation: string, get: Parameters, ids: Ids): ServiceRequest {
	const made = OPERATIONS[`${resource}:${operation}`];
	if (!made) throw new RangeError(`There is no operation ${operation} of ${resource}.`);
	if (!text(get('conversation'))) throw new RangeError('The conversation has no id. In a chat workflow it is {{ $json.sessionId }}.');
	return made(get, ids);
}

/** The items of an answer: one for each message, else one. A transcript is one text, or a list for a prompt. */
export function itemsOf(resource: string, operation: string, body: unknown): IDataObject[] {
	if (resource === 'message' && operation === 'getAll') {
		const { messages, ...page } = body as { messages: IDataObject[] };
		return messages.map((one) => ({ ...one, page: page as IDataObject }));
	}
	if (resource === 'conversation' && operation === 'transcript')
		return [typeof body === 'string' ? { transcript: body } : Array.isArray(body) ? { messages: body } : (body as IDataObject)];
	return [(body ?? {}) as IDataObject];
}

function conversation(get: Parameters): string {
	return `/v1/conversations/${encodeURIComponent(text(get('conversation')))}`;
}

function message(get: Parameters): string {
	return `${conversation(get)}/messages/${encodeURIComponent(text(get('messageId')))}`;
}

function run(get: Parameters, { runId }: Ids): string {
	return `${conversation(get)}/runs/${encodeURIComponent(text(get('runId')) || runId)}`;
}

function patch(get: Parameters, changes: IDataObject): ServiceRequest {
	return { method: 'PATCH', path: conversation(get), body: changes };
}

function sender(get: Parameters): IDataObject {
	return given({ role: get('role') ?? 'assistant', id: option(get, 'senderId'), name: option(get, 'senderName') });
}

/** Of the collection of options; empty is not given. */
function option(get: Parameters, name: string): string | undefined {
	const options = (get('options') ?? {}) as IDataObject;
	return text(options[name]) || undefined;
}

/** The message that a run leaves has the run's id in its metadata. */
function answering(get: Parameters, runId: string): unknown {
	const found = metadata(get);
	const { ofRun } = (get('options') ?? {}) as IDataObject;
	return ofRun === true ? { ...(found as IDataObject | undefined), umbral_run: runId } : found;
}

function metadata(get: Parameters): unknown {
	const found = ((get('options') ?? {}) as IDataObject).metadata;
	if (found === undefined || found === '') return undefined;
	const read = typeof found === 'string' ? parsed(found) : found;
	if (read === null || typeof read !== 'object' || Array.isArray(read))
		throw new RangeError('Metadata is no JSON object, such as {"order": 17}.');
	return read;
}

/** Null: it is no JSON. */
function parsed(json: string): unknown {
	try {
		return JSON.parse(json);
	} catch {
		return null;
	}
}

/** Expressions give values of any type; an object, as an agent may return, is kept as JSON. */
function text(value: unknown): string {
	if (value === undefined || value === null) return '';
	return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function number(value: unknown): number | undefined {
	return value === undefined || value === '' || Number.isNaN(Number(value)) ? undefined : Number(value);
}

function given(fields: Record<string, unknown>): IDataObject {
	return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as IDataObject;
}
