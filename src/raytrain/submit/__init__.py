"""submit: a job on a cluster, from elsewhere; and what it would take, before it runs."""
