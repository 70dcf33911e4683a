import { randomUUID } from 'node:crypto';

import type {
	ICredentialDataDecryptedObject,
	IDataObject,
	IHttpRequestMethods,
	INodeExecutionData,
	INodeType,
	INodeTypeDescription,
	IRun,
	ITriggerFunctions,
	ITriggerResponse,
} from 'n8n-workflow';
import { NodeConnectionTypes, NodeOperationError, sleep } from 'n8n-workflow';

import { nodeError, unreachable, type Answer } from '../problem';
import { nameOf, Refused, Subscription, testNameOf, type Claim, type Event, type Wanted } from './subscription';

/** Milliseconds. A claim waits for up to half a minute. */
const TIMEOUT = 45_000;

/** Seconds, where a claim is acknowledged as soon as its executions have begun. */
const SHORT_LEASE = 60;

export class UmbralChatTrigger implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Umbral Chat Trigger',
		name: 'umbralChatTrigger',
		icon: { light: 'file:../../icons/umbral-chat.svg', dark: 'file:../../icons/umbral-chat.dark.svg' },
		group: ['trigger'],
		version: 1,
		subtitle: '={{ $parameter["roles"].join(", ") }}',
		description: 'Starts the workflow when a message is written in a chat. It needs no public URL.',
		defaults: { name: 'Umbral Chat Trigger' },
		inputs: [],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: 'umbralChatApi', required: true }],
		properties: [
			{
				displayName: 'Senders',
				name: 'roles',
				type: 'multiOptions',
				options: [
					{ name: 'Agents (Humans)', value: 'agent' },
					{ name: 'Assistants', value: 'assistant' },
					{ name: 'System', value: 'system' },
					{ name: 'Users (Visitors)', value: 'user' },
				],
				default: ['user'],
				description: 'Whose messages start the workflow. With assistants, its own answers start it again.',
			},
			{
				displayName: 'Execution',
				name: 'execution',
				type: 'options',
				options: [
					{ name: 'One per Batch', value: 'batch', description: 'All that waits in a conversation, as items of one execution' },
					{ name: 'One per Message', value: 'message' },
				],
				default: 'message',
			},
			{
				displayName: 'Acknowledge',
				name: 'acknowledge',
				type: 'options',
				options: [
					{ name: 'On Start', value: 'start', description: 'A message is done once its execution has begun' },
					{ name: 'On Success', value: 'success', description: 'A message whose execution fails is given again; the next of its conversation waits' },
				],
				default: 'start',
			},
			{
				displayName: 'Longest Execution',
				name: 'lease',
				type: 'number',
				typeOptions: { minValue: 10 },
				default: 300,
				displayOptions: { show: { acknowledge: ['success'] } },
				description: 'Seconds after which a message without a result is given again',
			},
			{
				displayName: 'Options',
				name: 'options',
				type: 'collection',
				placeholder: 'Add option',
				default: {},
				options: [
					{
						displayName: 'Conversation Prefix',
						name: 'prefix',
						type: 'string',
						default: '',
						description: 'Only conversations whose ID begins so',
					},
					{
						displayName: 'Kinds',
						name: 'kinds',
						type: 'multiOptions',
						options: [
							{ name: 'Edit', value: 'edit' },
							{ name: 'Message', value: 'message' },
							{ name: 'Redaction', value: 'redaction' },
							{ name: 'Run', value: 'run' },
							{ name: 'Update', value: 'update' },
						],
						default: ['message'],
						description: 'Of entries',
					},
				],
			},
		],
	};

	async trigger(this: ITriggerFunctions): Promise<ITriggerResponse> {
		const manual = this.getMode() === 'manual';
		const wanted = wantedBy.call(this, manual);
		const credentials = await this.getCredentials('umbralChatApi');
		const subscription = new Subscription(wanted, {
			call: (method, path, body) => request.call(this, credentials, method, path, body),
			deliver: (claim) => deliver.call(this, claim, wanted.acknowledge),
			sleep,
			random: Math.random,
			report: (problem) => this.logger.warn(`Umbral Chat Trigger: ${said(problem)}`, { node: this.getNode().name }),
		});
		const begin = async () => {
			try {
				await subscription.begin();
			} catch (error) {
				throw nodeError(this.getNode(), error instanceof Refused ? error.problem : unreachable(error));
			}
			subscription.follow().catch((error: unknown) => {
				const problem = error instanceof Refused ? error.problem : unreachable(error);
				this.emitError(nodeError(this.getNode(), problem));
			});
		};
		const closeFunction = async () => await subscription.end().catch((error: unknown) => this.logger.warn(said(error)));
		if (manual) return { closeFunction, manualTriggerFunction: begin };
		await begin();
		return { closeFunction };
	}
}

function wantedBy(this: ITriggerFunctions, manual: boolean): Wanted {
	const { prefix, kinds = ['message'] } = this.getNodeParameter('options', {}) as { prefix?: string; kinds?: string[] };
	const roles = this.getNodeParameter('roles', ['user']) as string[];
	const acknowledge = manual ? 'start' : (this.getNodeParameter('acknowledge', 'start') as Wanted['acknowledge']);
	if (!roles.length || !kinds.length) throw new NodeOperationError(this.getNode(), 'Choose at least one of the senders, and of the kinds');
	const { id } = this.getNode();
	return {
		name: manual ? testNameOf(id, randomUUID().replace(/-/g, '')) : nameOf(String(this.getWorkflow().id), id),
		filter: { ...(prefix ? { prefix } : {}), kinds, roles },
		temporary: manual,
		entries: this.getNodeParameter('execution', 'message') === 'batch' && !manual ? 100 : 1,
		lease: acknowledge === 'success' ? (this.getNodeParameter('lease', 300) as number) : SHORT_LEASE,
		acknowledge,
	};
}

/** One execution for what was claimed: a message, or what waits in its conversation. */
async function deliver(this: ITriggerFunctions, claim: Claim, acknowledge: Wanted['acknowledge']): Promise<boolean> {
	const items = claim.entries.map((event) => ({ json: itemOf(event) }) as INodeExecutionData);
	if (acknowledge === 'start') {
		this.emit([items]);
		return true;
	}
	const done = this.helpers.createDeferredPromise<IRun>();
	this.emit([items], undefined, done);
	const run = await done.promise;
	return run.status === 'success';
}

/** The event, with what most workflows read at hand. */
function itemOf(event: Event): IDataObject {
	const { entry, ...others } = event;
	const { content = null, message_id = null, sender = null } = entry ?? {};
	return { ...others, content, message_id, sender, entry };
}

// Beside executions n8n has no expressions to resolve, so what signs requests by a credential's own expression does not
// work here, and the header is set.
async function request(
	this: ITriggerFunctions,
	credentials: ICredentialDataDecryptedObject,
	method: IHttpRequestMethods,
	path: string,
	body?: IDataObject,
): Promise<Answer> {
	return await this.helpers.httpRequest({
		method,
		url: String(credentials.baseUrl).replace(/\/+$/, '') + path,
		headers: { Authorization: `Bearer ${String(credentials.apiKey)}` },
		...(body ? { body } : {}),
		json: true,
		timeout: TIMEOUT,
		returnFullResponse: true,
		ignoreHttpStatusErrors: true,
	});
}

function said(problem: unknown): string {
	const { title, code, detail, message } = (problem ?? {}) as { title?: string; code?: string; detail?: string; message?: string };
	return [title, code && `(${code})`, detail ?? message].filter(Boolean).join(' ');
}
