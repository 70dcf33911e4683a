// A pull subscription of the service, followed: it is made, claimed from, acknowledged, paused or deleted. No n8n in it.

import type { IDataObject, IHttpRequestMethods } from 'n8n-workflow';

import { problemOf, type Answer, type Problem } from '../problem';

export interface Event extends IDataObject {
	id: string;
	type: string;
	conversation: string;
	cursor: string;
	entry: IDataObject | null;
}

export interface Claim {
	claim_id: string;
	conversation: string;
	entries: Event[];
}

export interface Wanted {
	name: string;
	filter: IDataObject;
	/** Deleted at the end: a test in the editor. Otherwise paused, and its place is kept. */
	temporary: boolean;
	/** Entries of one claim. */
	entries: number;
	/** Seconds for which the workflow may have a claim. */
	lease: number;
	/** `start`: a claim is acknowledged when its executions have begun; `success`: when they succeeded, else released. */
	acknowledge: 'start' | 'success';
}

export interface Surroundings {
	/** Rejects where the service does not answer. */
	call(method: IHttpRequestMethods, path: string, body?: IDataObject): Promise<Answer>;
	/** Runs the workflow. Resolves when the executions have begun, or for `success` to whether all succeeded. Rejects
	 * where it could not be run, which is the fault of no entry. */
	deliver(claim: Claim): Promise<boolean>;
	sleep(milliseconds: number): Promise<void>;
	/** In [0, 1). */
	random(): number;
	/** Called with a fault, once until it is over. */
	report(problem: Problem | unknown): void;
}

/** The service refused, and will again: nothing is followed any more. */
export class Refused extends Error {
	constructor(readonly problem: Problem) {
		super(`${problem.title} (${problem.code}): ${problem.detail}`);
	}
}

/** Seconds that a claim waits for something; the service may bound it further. */
const WAIT = 25;
/** Claims at once, each of another conversation: their executions run beside each other. */
const AT_ONCE = 10;
/** Seconds until what a failed execution gave back is given again, at least: the service makes the pauses grow. */
const RELEASE_DELAY = 5;
/** Why the service gives an entry up, after as many failed executions as it tries. */
const FAILED = 'The execution of the workflow failed';
/** Milliseconds that the end waits for executions: n8n waits for the end. */
const LAST_PATIENCE = 3_000;
/** Milliseconds between attempts while the service does not answer: doubled up to the second, half of it drawn. */
const [PAUSE, LONGEST_PAUSE] = [500, 30_000];

const PATH = '/v1/subscriptions';

export class Subscription {
	private stopped = false;
	private failures = 0;
	/** What is delivered and not acknowledged yet. */
	private readonly open = new Set<Promise<void>>();

	constructor(
		private readonly wanted: Wanted,
		private readonly surroundings: Surroundings,
	) {}

	/** Makes it, or takes it up where it was paused. Rejects with `Refused`, or as `call` does. */
	async begin(): Promise<void> {
		const { name, filter } = this.wanted;
		const made = await this.surroundings.call('POST', PATH, { name, filter, start: 'now' });
		// The node's settings were changed: the filter is another, and the place in the log is the same.
		if (made.statusCode === 409 && problemOf(made).code === 'subscription_exists') await this.replace();
		else expect(made);
		if (!this.wanted.temporary) expect(await this.surroundings.call('PATCH', this.path, { paused: false }));
	}

	/** Claims until it is stopped; rejects with `Refused`. A service that does not answer is tried again for ever. */
	async follow(): Promise<void> {
		while (!this.stopped) {
			const failed = await this.claim().then(
				() => null,
				(error: unknown) => ({ error }),
			);
			if (this.stopped) return;
			if (failed === null) this.failures = 0;
			else if (failed.error instanceof Refused && !transient(failed.error.problem)) throw failed.error;
			else {
				if (this.failures === 0) this.surroundings.report(failed.error instanceof Refused ? failed.error.problem : failed.error);
				await this.pause();
			}
		}
	}

	/** Ends it: no further claim. What is delivered may be acknowledged still. */
	async end(): Promise<void> {
		this.stopped = true;
		await Promise.race([Promise.all([...this.open]), this.surroundings.sleep(LAST_PATIENCE)]);
		if (this.wanted.temporary) await this.surroundings.call('DELETE', this.path);
		else await this.surroundings.call('PATCH', this.path, { paused: true });
	}

	private get path(): string {
		return `${PATH}/${encodeURIComponent(this.wanted.name)}`;
	}

	/** With another filter. It begins at now: what came between was for the old one. */
	private async replace(): Promise<void> {
		const { name, filter } = this.wanted;
		expect(await this.surroundings.call('DELETE', this.path));
		expect(await this.surroundings.call('POST', PATH, { name, filter, start: 'now' }));
	}

	private async claim(): Promise<void> {
		const free = AT_ONCE - this.open.size;
		if (free <= 0) return void (await Promise.race(this.open));
		const { entries, lease } = this.wanted;
		const answer = await this.surroundings.call('POST', `${this.path}/claim`, { max: free, entries, wait: WAIT, lease });
		const { claims } = expect(answer).body as { claims: Claim[] };
		if (this.stopped && claims.length) return void (await this.finish(claims, 'release', { delay: 0 }));
		for (const claim of claims) {
			const handled = this.handle(claim).finally(() => this.open.delete(handled));
			this.open.add(handled);
		}
	}

	private async handle(claim: Claim): Promise<void> {
		let failure: IDataObject = { failed: true, reason: FAILED };
		try {
			if (await this.surroundings.deliver(claim)) return void (await this.finish([claim], 'ack', {}));
		} catch (error) {
			failure = {};
			this.surroundings.report(error);
		}
		// One that expired meanwhile is another's: nothing is to be done about it here.
		await this.finish([claim], 'release', { delay: RELEASE_DELAY, ...failure });
	}

	private async finish(claims: Claim[], how: 'ack' | 'release', more: IDataObject): Promise<void> {
		const body = { claim_ids: claims.map(({ claim_id }) => claim_id), ...more };
		for (let attempt = 0; attempt < 4; attempt++) {
			try {
				const answer = await this.surroundings.call('POST', `${this.path}/${how}`, body);
				if (answer.statusCode < 500 && answer.statusCode !== 429) return;
			} catch (error) {
				if (attempt === 3) this.surroundings.report(error);
			}
			await this.surroundings.sleep(PAUSE * 2 ** attempt);
		}
	}

	private async pause(): Promise<void> {
		const most = Math.min(LONGEST_PAUSE, PAUSE * 2 ** Math.min(this.failures, 10));
		this.failures += 1;
		await this.surroundings.sleep(most / 2 + (most / 2) * this.surroundings.random());
	}
}

/** `n8n.WORKFLOW.NODE`: the same at each activation. Only what a subscription's name may have; at most 64 characters. */
export function nameOf(workflow: string, node: string): string {
	const plain = (text: string, most: number) => text.replace(/[^A-Za-z0-9_-]/g, '-').slice(0, most);
	return `n8n.${plain(workflow, 22)}.${plain(node, 36)}`;
}

/** Of one test in the editor. */
export function testNameOf(node: string, nonce: string): string {
	return `${nameOf('test', node).slice(0, 48)}.${nonce.slice(0, 12)}`;
}

function expect(answer: Answer): Answer {
	if (answer.statusCode >= 400) throw new Refused(problemOf(answer));
	return answer;
}

/** Codes of a state that others end: an operator who paused it resumes it. */
const PASSING = new Set(['subscription_paused', 'subscription_contended']);

function transient({ status, code }: Problem): boolean {
	return status === 0 || status >= 500 || [408, 425, 429].includes(status) || PASSING.has(code);
}
