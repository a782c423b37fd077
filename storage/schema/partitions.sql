-- It makes the partitions of some weeks that are missing, and attaches those that were detached. Each is made as a table
-- of its own and then attached: CREATE TABLE … PARTITION OF would wait for all who record, and they for it.
CREATE FUNCTION ledger_make_partitions(since timestamptz, weeks integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    home CONSTANT text := quote_ident((current_schemas(false))[2]) || '.';
    monday CONSTANT timestamp := date_trunc('week', since AT TIME ZONE 'UTC');
    begins timestamp;
    parent text;
    part text;
    is_pending boolean;
    made integer := 0;
BEGIN
    IF weeks NOT BETWEEN 1 AND 60 OR NOT isfinite(since) THEN
        RAISE EXCEPTION USING MESSAGE = 'ledger_make_partitions makes 1 to 60 weeks';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('ledger_make_partitions ' || home, 0));
    FOREACH parent IN ARRAY ARRAY['event_texts', 'task_logs', 'metrics', 'audit_logs'] LOOP
        FOR week IN 0 .. weeks - 1 LOOP
            begins := monday + week * interval '7 days';
            part := home || quote_ident(parent || to_char(begins, '_YYYYMMDD'));
            SELECT inhdetachpending INTO is_pending FROM pg_inherits
            WHERE inhrelid = to_regclass(part) AND inhparent = (home || quote_ident(parent))::regclass;
            CONTINUE WHEN NOT is_pending;
            IF is_pending THEN  -- somebody's DETACH … CONCURRENTLY was broken off
                EXECUTE 'ALTER TABLE ' || home || quote_ident(parent) || ' DETACH PARTITION ' || part || ' FINALIZE';
            ELSIF to_regclass(part) IS NULL THEN
                EXECUTE 'CREATE TABLE ' || part || ' (LIKE ' || home || quote_ident(parent) || ' INCLUDING ALL)';
            END IF;
            EXECUTE 'ALTER TABLE ' || home || quote_ident(parent) || ' ATTACH PARTITION ' || part
                || ' FOR VALUES FROM (' || quote_literal(begins || '+00') || ')'
                || ' TO (' || quote_literal(begins + interval '7 days' || '+00') || ')';
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;

-- It finds its tables in the schema in which they are now, whatever the search_path of its caller is.
DO $$ BEGIN
    EXECUTE 'ALTER FUNCTION ledger_make_partitions(timestamptz, integer) SET search_path = pg_catalog, '
        || quote_ident(current_schema()) || ', pg_temp';
END $$;

REVOKE ALL ON FUNCTION ledger_make_partitions(timestamptz, integer) FROM PUBLIC;

SELECT ledger_make_partitions(now(), 5);
