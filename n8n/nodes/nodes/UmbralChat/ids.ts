// Ids that make a try harmless: the same in each try of an execution's node, another in every other execution.

import { createHash } from 'node:crypto';

export interface Origin {
	/** Of the n8n: two of them count their executions alike. */
	instance: string;
	workflow: string;
	execution: string;
	/** When the execution began: an n8n that was reset counts from 1 again. */
	began: number | undefined;
	node: string;
	/** A node in a loop runs several times in one execution. */
	round: number;
	item: number;
}

/** Names the message that this item is in this round. */
export function clientId(origin: Origin): string {
	const { instance, workflow, execution, began, node, round, item } = origin;
	return `n8n-${digest([instance, workflow, execution, began ?? null, node, round, item])}`;
}

/** Names the execution's run: the same for all nodes of the execution. */
export function runId({ instance, workflow, execution, began }: Origin): string {
	return `n8n-${execution}-${digest([instance, workflow, execution, began ?? null]).slice(0, 12)}`;
}

function digest(parts: unknown[]): string {
	return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}
