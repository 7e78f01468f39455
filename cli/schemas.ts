import { z } from 'zod'

/** Of GitLab's answers, what the commands look at. */

export const Version = z.object({ version: z.string() })

export const User = z.object({
  id: z.number(),
  username: z.string(),
  state: z.string().default('active'),
  is_admin: z.boolean().default(false),
})

export const Token = z.object({
  scopes: z.array(z.string()).default([]),
  active: z.boolean().default(true),
  expires_at: z.string().nullable().default(null),
})

export const NewToken = Token.extend({ token: z.string().min(1) })

export const Application = z.object({
  id: z.number(),
  application_id: z.string(),
  application_name: z.string().default(''),
  callback_url: z.string().default(''),
  confidential: z.boolean().default(true),
})

export const NewApplication = Application.extend({ secret: z.string().min(1) })

export const Settings = z.object({
  outbound_local_requests_whitelist: z.array(z.string()).nullable().default([]),
  allow_local_requests_from_web_hooks_and_services: z.boolean().nullable().default(false),
  deny_all_requests_except_allowed: z.boolean().nullable().default(false),
  max_personal_access_token_lifetime: z.number().nullable().default(null),
})

export const Group = z.object({ id: z.number(), full_path: z.string() })

export const Project = z.object({
  id: z.number(),
  path_with_namespace: z.string(),
  default_branch: z.string().nullable().default(null),
})
