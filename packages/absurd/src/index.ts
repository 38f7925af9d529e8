/** Durable task queue and workflow engine on plain PostgreSQL. */
