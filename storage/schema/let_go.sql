-- It lets a week of a partitioned table go: it drops the partition or, if some of its rows are about held subjects, puts
-- a new one with these in its place. Others read and record meanwhile. Only at the end are the partition and then the
-- table locked, for as long as it takes to write the catalogue; whoever records waits for that 100 ms at most.
CREATE FUNCTION ledger_let_go(
    parent text, monday timestamptz, OUT is_gone boolean, OUT gone bigint, OUT kept bigint
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '100ms'
AS $$
DECLARE
    home CONSTANT text := quote_ident((current_schemas(false))[2]) || '.';
    begins CONSTANT timestamp := monday AT TIME ZONE 'UTC';
    since CONSTANT text := quote_literal(begins || '+00');
    until CONSTANT text := quote_literal(begins + interval '7 days' || '+00');
    whole CONSTANT text := home || quote_ident(parent);
    name CONSTANT text := parent || to_char(begins, '_YYYYMMDD');
    part CONSTANT text := home || quote_ident(name);
    copy CONSTANT text := home || quote_ident(name || '_held');
    bounds CONSTANT text := ' FOR VALUES FROM (' || since || ') TO (' || until || ')';
    of_held CONSTANT text := ' IN (SELECT subject FROM held)';
    is_pending boolean;
    held_rows text;
BEGIN
    IF parent NOT IN ('event_texts', 'task_logs', 'metrics', 'audit_logs') OR NOT isfinite(monday)
        OR begins <> date_trunc('week', begins) OR begins + interval '7 days' > now() AT TIME ZONE 'UTC'
    THEN
        RAISE EXCEPTION USING MESSAGE = 'ledger_let_go takes a partitioned table, and the Monday of a week that is over';
    END IF;
    is_gone := false;
    gone := 0;
    kept := 0;
    BEGIN
        EXECUTE 'LOCK TABLE ONLY ' || part || ' IN SHARE ROW EXCLUSIVE MODE';
    EXCEPTION WHEN undefined_table THEN
        RETURN;
    END;
    -- Who changes holds takes it, too, and alone: what is held stays the same from here to the end.
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('ledger_holds', 0));
    SELECT inhdetachpending INTO is_pending FROM pg_inherits
    WHERE inhrelid = part::regclass AND inhparent = whole::regclass;
    IF is_pending THEN
        EXECUTE 'ALTER TABLE ' || whole || ' DETACH PARTITION ' || part || ' FINALIZE';
    END IF;
    IF EXISTS (SELECT FROM held) THEN
        SELECT 'SELECT ' || string_agg('p.' || quote_ident(attname), ', ' ORDER BY attnum) || ' FROM ' || part || ' p WHERE '
        INTO held_rows FROM pg_attribute WHERE attrelid = whole::regclass AND attnum > 0 AND NOT attisdropped;
        held_rows := CASE parent
            WHEN 'event_texts' THEN held_rows || '(p.recorded_at, p.meaning) IN (SELECT e.recorded_at, e.meaning'
                || ' FROM events e JOIN held ON held.subject = e.subject'
                || ' WHERE e.recorded_at >= ' || since || ' AND e.recorded_at < ' || until || ')'
            WHEN 'task_logs' THEN held_rows || 'p.task_id' || of_held
                || ' UNION ALL ' || held_rows || 'p.execution_id' || of_held
            WHEN 'metrics' THEN held_rows || 'p.subject' || of_held
            ELSE held_rows || 'p.resource_id' || of_held
        END;
        EXECUTE 'SELECT count(*) FROM (' || held_rows || ') found' INTO kept;
    END IF;
    IF kept = 0 AND pg_relation_size(part::regclass) > 8388608 THEN
        SELECT greatest(reltuples, 0)::bigint INTO gone FROM pg_class WHERE oid = part::regclass;
    ELSE
        EXECUTE 'SELECT count(*) - $1 FROM ' || part INTO gone USING kept;
    END IF;
    IF kept > 0 AND gone = 0 THEN
        IF is_pending IS DISTINCT FROM false THEN
            EXECUTE 'ALTER TABLE ' || whole || ' ATTACH PARTITION ' || part || bounds;
        END IF;
        RETURN;
    END IF;
    IF kept > 0 THEN
        -- The CHECK spares ATTACH a look at the rows, for which all would wait.
        EXECUTE 'CREATE TABLE ' || copy || ' (LIKE ' || whole || ' INCLUDING ALL, CONSTRAINT is_of_week'
            || ' CHECK (recorded_at >= ' || since || ' AND recorded_at < ' || until || '))';
        EXECUTE 'INSERT INTO ' || copy || ' ' || held_rows;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('ledger_make_partitions ' || home, 0));
    EXECUTE 'LOCK TABLE ONLY ' || part || ' IN ACCESS EXCLUSIVE MODE';
    IF is_pending IS NOT DISTINCT FROM false THEN
        EXECUTE 'ALTER TABLE ' || whole || ' DETACH PARTITION ' || part;
    END IF;
    EXECUTE 'DROP TABLE ' || part;
    IF kept > 0 THEN
        EXECUTE 'ALTER TABLE ' || copy || ' RENAME TO ' || quote_ident(name);
        EXECUTE 'ALTER TABLE ' || whole || ' ATTACH PARTITION ' || part || bounds;
        EXECUTE 'ALTER TABLE ' || part || ' DROP CONSTRAINT is_of_week';
    END IF;
    is_gone := true;
END $$;

-- It finds its tables in the schema in which they are now, whatever the search_path of its caller is.
DO $$ BEGIN
    EXECUTE 'ALTER FUNCTION ledger_let_go(text, timestamptz) SET search_path = pg_catalog, '
        || quote_ident(current_schema()) || ', pg_temp';
END $$;

REVOKE ALL ON FUNCTION ledger_let_go(text, timestamptz) FROM PUBLIC;
