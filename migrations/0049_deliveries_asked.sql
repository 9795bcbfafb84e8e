-- What waits for a webhook that is off or disabled is told only where a person asks for it. Each look went through all that
-- waits to find those; now they have an index of their own.
create index delivery_asked on delivery (tenant, webhook, due) where state = 'waiting' and asked;
