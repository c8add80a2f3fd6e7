-- Describes the structure of a database, one line of text for each object and
-- each column, behind the OID of the table, view or sequence that it is about (0
-- of others). For PostgreSQL 13 and later.

-- With an empty path, PostgreSQL qualifies every name that it prints.
SET search_path = '';

WITH mine AS (
  SELECT oid FROM pg_catalog.pg_namespace
  WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
), extended AS (
  -- What belongs to an extension is described by the extension.
  SELECT classid, objid FROM pg_catalog.pg_depend WHERE deptype = 'e'
), relation AS (
  SELECT c.*, c.oid::regclass::text AS name
  FROM pg_catalog.pg_class c
  WHERE c.relnamespace IN (SELECT oid FROM mine)
    AND (('pg_catalog.pg_class'::regclass)::oid, c.oid) NOT IN (SELECT classid, objid FROM extended)
    AND true /* picked */
), routine AS (
  SELECT p.*, p.oid::regprocedure::text AS name
  FROM pg_catalog.pg_proc p
  WHERE p.pronamespace IN (SELECT oid FROM mine)
    AND (('pg_catalog.pg_proc'::regclass)::oid, p.oid) NOT IN (SELECT classid, objid FROM extended)
), line (about, text) AS (
  SELECT 0::oid, format('schema %I owner=%s acl=%s', nspname, nspowner::regrole, nspacl)
  FROM pg_catalog.pg_namespace WHERE oid IN (SELECT oid FROM mine)

  UNION ALL
  SELECT 0, format('extension %I schema=%s version=%s', extname, extnamespace::regnamespace, extversion)
  FROM pg_catalog.pg_extension

  UNION ALL
  SELECT oid, format('relation %s kind=%s persistence=%s method=%s owner=%s acl=%s options=%s identity=%s security=%s%s key=%s bound=%s of=%s parents=%s tablespace=%s',
    name, relkind, relpersistence, (SELECT amname FROM pg_catalog.pg_am a WHERE a.oid = relam),
    relowner::regrole, relacl, reloptions, relreplident, relrowsecurity, relforcerowsecurity,
    CASE relkind WHEN 'p' THEN pg_catalog.pg_get_partkeydef(oid) END,
    pg_catalog.pg_get_expr(relpartbound, oid), nullif(reloftype, 0)::regtype,
    ARRAY(SELECT inhparent::regclass FROM pg_catalog.pg_inherits WHERE inhrelid = relation.oid ORDER BY inhseqno),
    reltablespace)
  FROM relation WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')

  UNION ALL
  SELECT oid, format('view %s definition=%s', name, pg_catalog.pg_get_viewdef(oid))
  FROM relation WHERE relkind IN ('v', 'm')

  UNION ALL
  -- The position leaves out dropped columns, which nobody sees.
  SELECT r.oid, format('column %s %s %I type=%s collation=%s notnull=%s default=%s generated=%s identity=%s storage=%s statistics=%s options=%s foreign=%s acl=%s',
    r.name, to_char(row_number() OVER (PARTITION BY r.oid ORDER BY attnum), 'FM0000'), attname,
    pg_catalog.format_type(atttypid, atttypmod), nullif(attcollation, 0)::regcollation, attnotnull,
    pg_catalog.pg_get_expr(d.adbin, d.adrelid), attgenerated, attidentity, attstorage, coalesce(attstattarget, -1),
    attoptions, attfdwoptions, attacl)
  FROM relation r
  JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND attnum > 0 AND NOT attisdropped
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = r.oid AND d.adnum = attnum
  WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'c')

  UNION ALL
  SELECT conrelid, format('constraint %s %s validated=%s %s',
    CASE conrelid WHEN 0 THEN contypid::regtype::text ELSE conrelid::regclass::text END,
    -- A partition that is made as one has the name of its parent's NOT NULL, one
    -- that is attached keeps its own, and neither can be had in the other way.
    CASE WHEN contype = 'n' AND coninhcount > 0 THEN 'inherited' ELSE quote_ident(conname) END,
    convalidated, pg_catalog.pg_get_constraintdef(oid))
  FROM pg_catalog.pg_constraint k
  WHERE connamespace IN (SELECT oid FROM mine) AND (conrelid = 0 OR conrelid IN (SELECT oid FROM relation))
    -- A foreign key to a partitioned table has a row for each partition there, of
    -- which pg_dump knows nothing, and VALIDATE before PostgreSQL 18 neither.
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint above WHERE above.oid = k.conparentid AND above.conrelid = k.conrelid)

  UNION ALL
  SELECT indrelid, format('index %s valid=%s clustered=%s identity=%s', pg_catalog.pg_get_indexdef(indexrelid),
    indisvalid, indisclustered, indisreplident)
  FROM pg_catalog.pg_index WHERE indrelid IN (SELECT oid FROM relation)

  UNION ALL
  SELECT r.oid, format('sequence %s type=%s start=%s increment=%s min=%s max=%s cache=%s cycle=%s owner=%s',
    r.name, seqtypid::regtype, seqstart, seqincrement, seqmin, seqmax, seqcache, seqcycle,
    (SELECT format('%s.%I', refobjid::regclass, attname) FROM pg_catalog.pg_depend d
     JOIN pg_catalog.pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
     WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = r.oid AND d.deptype IN ('a', 'i')
       AND d.refclassid = 'pg_catalog.pg_class'::regclass))
  FROM pg_catalog.pg_sequence JOIN relation r ON r.oid = seqrelid

  UNION ALL
  SELECT 0, format('type %s kind=%s owner=%s acl=%s base=%s notnull=%s default=%s collation=%s labels=%s range=%s',
    t.oid::regtype, typtype, typowner::regrole, typacl,
    CASE typtype WHEN 'd' THEN pg_catalog.format_type(typbasetype, typtypmod) END, typnotnull, typdefault,
    nullif(typcollation, 0)::regcollation,
    ARRAY(SELECT enumlabel FROM pg_catalog.pg_enum WHERE enumtypid = t.oid ORDER BY enumsortorder),
    (SELECT format('%s %s', rngsubtype::regtype, (SELECT o.opcname FROM pg_catalog.pg_opclass o WHERE o.oid = rngsubopc)) FROM pg_catalog.pg_range WHERE rngtypid = t.oid))
  FROM pg_catalog.pg_type t
  WHERE typnamespace IN (SELECT oid FROM mine) AND typtype IN ('d', 'e', 'r', 'b') AND typcategory <> 'A'
    AND (('pg_catalog.pg_type'::regclass)::oid, t.oid) NOT IN (SELECT classid, objid FROM extended)

  UNION ALL
  SELECT 0, format('routine %s owner=%s acl=%s %s', name, proowner::regrole, proacl, pg_catalog.pg_get_functiondef(oid))
  FROM routine WHERE prokind <> 'a'

  UNION ALL
  SELECT 0, format('aggregate %s owner=%s acl=%s kind=%s step=%s state=%s final=%s initial=%s',
    name, proowner::regrole, proacl, aggkind, aggtransfn, aggtranstype::regtype, aggfinalfn, agginitval)
  FROM routine JOIN pg_catalog.pg_aggregate ON aggfnoid = oid

  UNION ALL
  SELECT tgrelid, format('trigger %s enabled=%s', pg_catalog.pg_get_triggerdef(oid), tgenabled)
  FROM pg_catalog.pg_trigger WHERE NOT tgisinternal AND tgrelid IN (SELECT oid FROM relation)

  UNION ALL
  SELECT ev_class, format('rule %s enabled=%s', pg_catalog.pg_get_ruledef(oid), ev_enabled)
  FROM pg_catalog.pg_rewrite WHERE rulename <> '_RETURN' AND ev_class IN (SELECT oid FROM relation)

  UNION ALL
  SELECT polrelid, format('policy %s %I command=%s permissive=%s roles=%s using=%s check=%s', polrelid::regclass, polname,
    polcmd, polpermissive, ARRAY(SELECT r::regrole::text FROM unnest(polroles) r ORDER BY 1),
    pg_catalog.pg_get_expr(polqual, polrelid), pg_catalog.pg_get_expr(polwithcheck, polrelid))
  FROM pg_catalog.pg_policy WHERE polrelid IN (SELECT oid FROM relation)

  UNION ALL
  SELECT 0, format('statistics %s', pg_catalog.pg_get_statisticsobjdef(oid))
  FROM pg_catalog.pg_statistic_ext WHERE stxnamespace IN (SELECT oid FROM mine)

  UNION ALL
  SELECT 0, format('event trigger %I event=%s routine=%s enabled=%s tags=%s', evtname, evtevent, evtfoid::regprocedure,
    evtenabled, evttags)
  FROM pg_catalog.pg_event_trigger

  UNION ALL
  SELECT 0, format('publication %I all=%s insert=%s update=%s delete=%s truncate=%s tables=%s', pubname, puballtables,
    pubinsert, pubupdate, pubdelete, pubtruncate,
    ARRAY(SELECT prrelid::regclass::text FROM pg_catalog.pg_publication_rel WHERE prpubid = p.oid ORDER BY 1))
  FROM pg_catalog.pg_publication p

  UNION ALL
  SELECT 0, format('default privileges of=%s schema=%s kind=%s acl=%s', defaclrole::regrole,
    nullif(defaclnamespace, 0)::regnamespace, defaclobjtype, defaclacl)
  FROM pg_catalog.pg_default_acl

  UNION ALL
  -- Oids from 16384 are of what users create; 2200 is the schema public.
  SELECT coalesce(CASE classoid
      WHEN 'pg_catalog.pg_class'::regclass THEN coalesce((SELECT indrelid FROM pg_catalog.pg_index WHERE indexrelid = objoid), objoid)
      WHEN 'pg_catalog.pg_constraint'::regclass THEN (SELECT conrelid FROM pg_catalog.pg_constraint WHERE oid = objoid)
      WHEN 'pg_catalog.pg_trigger'::regclass THEN (SELECT tgrelid FROM pg_catalog.pg_trigger WHERE oid = objoid)
      WHEN 'pg_catalog.pg_rewrite'::regclass THEN (SELECT ev_class FROM pg_catalog.pg_rewrite WHERE oid = objoid)
      WHEN 'pg_catalog.pg_policy'::regclass THEN (SELECT polrelid FROM pg_catalog.pg_policy WHERE oid = objoid)
    END, 0), format('comment on %s %s: %L', i.type, i.identity, description)
  FROM pg_catalog.pg_description d,
    LATERAL pg_catalog.pg_identify_object(d.classoid, d.objoid, d.objsubid) i
  WHERE (d.objoid >= 16384 OR d.classoid = 'pg_catalog.pg_namespace'::regclass AND d.objoid = 2200)
    AND (d.classoid, d.objoid) NOT IN (SELECT classid, objid FROM extended)
)
SELECT about, text FROM line WHERE true /* about picked */ ORDER BY text COLLATE "C";
