// What the service answers when it refuses (RFC 9457), as a person in the editor is told.

import type { INode, JsonObject } from 'n8n-workflow';
import { NodeApiError } from 'n8n-workflow';

/** An answer with its body, as n8n's request helper gives it. */
export interface Answer {
	statusCode: number;
	body: unknown;
}

export interface Problem {
	status: number;
	code: string;
	title: string;
	detail: string;
}

/** What to do where the service itself cannot know it: it knows no n8n. */
const MENDS: Record<string, string> = {
	unauthorized: 'Check the API key in the credential: it has to be one of the service, without the word Bearer.',
	forbidden: 'Give the key this right in core.keys of the service, or use a credential whose key has it.',
	route_not_found: 'The service has no such route: check its version, and which extras (presence, subscriptions) it is installed with.',
	unreachable: 'Check the base URL in the credential, and that the service runs. In a container, 127.0.0.1 is the container itself.',
};

/** The problem of an answer; of a proxy's page of an error as far as it can be known. */
export function problemOf({ statusCode, body }: Answer): Problem {
	const given = object(body);
	const text = (name: string, otherwise: string) => (typeof given[name] === 'string' ? (given[name] as string) : otherwise);
	const code = text('code', statusCode === 401 ? 'unauthorized' : `http_${statusCode}`);
	const title = text('title', `The service answered ${statusCode}`);
	return { status: statusCode, code, title, detail: text('detail', '') };
}

/** The problem of a request without an answer. The error's text may have the address, but never the key. */
export function unreachable(error: unknown): Problem {
	const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
	const detail = [code, message].filter((part) => typeof part === 'string').join(': ');
	return { status: 0, code: 'unreachable', title: 'The service does not answer', detail };
}

/** An error as n8n shows it: the service's words, its code, and what mends it. */
export function nodeError(node: INode, problem: Problem, itemIndex?: number): NodeApiError {
	const { status, code, title, detail } = problem;
	return new NodeApiError(node, { ...problem } as JsonObject, {
		message: `${title} (${code})`,
		description: [detail, MENDS[code]].filter(Boolean).join(' '),
		httpCode: status ? String(status) : undefined,
		...(itemIndex === undefined ? {} : { itemIndex }),
	});
}

function object(body: unknown): Record<string, unknown> {
	if (typeof body !== 'string') return body !== null && typeof body === 'object' ? (body as Record<string, unknown>) : {};
	try {
		return object(JSON.parse(body) ?? {});
	} catch {
		return {};
	}
}
