CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.hold (
    key character varying NOT NULL COLLATE pg_catalog."C",
    since timestamp without time zone NOT NULL
);
CREATE TABLE public.lease (
    name character varying NOT NULL COLLATE pg_catalog."C",
    holder character varying NOT NULL COLLATE pg_catalog."C",
    fence bigint NOT NULL,
    expires_at timestamp without time zone NOT NULL
);
CREATE TABLE public.link (
    target character varying NOT NULL COLLATE pg_catalog."C",
    kind character varying NOT NULL COLLATE pg_catalog."C",
    key character varying NOT NULL COLLATE pg_catalog."C",
    remote_id character varying COLLATE pg_catalog."C",
    status character varying NOT NULL COLLATE pg_catalog."C",
    document character varying,
    unique_name character varying COLLATE pg_catalog."C",
    etag character varying COLLATE pg_catalog."C",
    doubtful boolean NOT NULL,
    synced_at timestamp without time zone,
    left_at timestamp without time zone,
    delete_after timestamp without time zone,
    failures integer NOT NULL,
    next_try_at timestamp without time zone,
    last_error character varying
);
CREATE TABLE public.mark (
    name character varying NOT NULL COLLATE pg_catalog."C",
    at timestamp without time zone NOT NULL
);
CREATE TABLE public.membership (
    target character varying NOT NULL COLLATE pg_catalog."C",
    group_key character varying NOT NULL COLLATE pg_catalog."C",
    member_kind character varying NOT NULL COLLATE pg_catalog."C",
    member_key character varying NOT NULL COLLATE pg_catalog."C",
    wanted boolean NOT NULL,
    revoked boolean NOT NULL,
    acknowledged boolean NOT NULL,
    due boolean NOT NULL,
    doubtful boolean DEFAULT false NOT NULL
);
CREATE TABLE public.notice (
    id character varying NOT NULL COLLATE pg_catalog."C",
    receiver character varying NOT NULL COLLATE pg_catalog."C",
    body character varying NOT NULL,
    created_at timestamp without time zone NOT NULL,
    attempts integer NOT NULL,
    next_try_at timestamp without time zone NOT NULL,
    last_error character varying
);
CREATE TABLE public.operation (
    id integer NOT NULL,
    run_id integer NOT NULL,
    target character varying NOT NULL COLLATE pg_catalog."C",
    phase integer NOT NULL,
    kind character varying NOT NULL COLLATE pg_catalog."C",
    key character varying NOT NULL COLLATE pg_catalog."C",
    action character varying NOT NULL COLLATE pg_catalog."C",
    reason character varying NOT NULL,
    remote_id character varying COLLATE pg_catalog."C",
    unique_name character varying COLLATE pg_catalog."C",
    waits_for character varying COLLATE pg_catalog."C",
    delete_after timestamp without time zone,
    base character varying,
    changes character varying NOT NULL,
    request character varying,
    status character varying NOT NULL COLLATE pg_catalog."C",
    attempts integer NOT NULL,
    http_status integer,
    scim_type character varying COLLATE pg_catalog."C",
    detail character varying,
    planned_at timestamp without time zone NOT NULL,
    sent_at timestamp without time zone,
    done_at timestamp without time zone
);
CREATE SEQUENCE public.operation_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.operation_id_seq OWNED BY public.operation.id;
CREATE TABLE public.record (
    source character varying NOT NULL COLLATE pg_catalog."C",
    key character varying NOT NULL COLLATE pg_catalog."C",
    seq bigint NOT NULL,
    data character varying NOT NULL,
    removed_at timestamp without time zone
);
CREATE TABLE public.reference (
    target character varying NOT NULL COLLATE pg_catalog."C",
    kind character varying NOT NULL COLLATE pg_catalog."C",
    key character varying NOT NULL COLLATE pg_catalog."C",
    path character varying NOT NULL COLLATE pg_catalog."C",
    ref_key character varying NOT NULL COLLATE pg_catalog."C",
    remote_id character varying COLLATE pg_catalog."C"
);
CREATE TABLE public.replaced (
    source character varying NOT NULL COLLATE pg_catalog."C",
    key character varying NOT NULL COLLATE pg_catalog."C",
    data character varying
);
CREATE TABLE public.replaced_membership (
    target character varying NOT NULL COLLATE pg_catalog."C",
    group_key character varying NOT NULL COLLATE pg_catalog."C",
    member_kind character varying NOT NULL COLLATE pg_catalog."C",
    member_key character varying NOT NULL COLLATE pg_catalog."C",
    wanted boolean,
    revoked boolean,
    acknowledged boolean,
    doubtful boolean
);
CREATE TABLE public.run (
    id integer NOT NULL,
    command character varying NOT NULL COLLATE pg_catalog."C",
    started_at timestamp without time zone NOT NULL,
    finished_at timestamp without time zone,
    outcome character varying NOT NULL COLLATE pg_catalog."C",
    detail character varying,
    counts character varying
);
CREATE SEQUENCE public.run_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.run_id_seq OWNED BY public.run.id;
CREATE TABLE public.source (
    name character varying NOT NULL COLLATE pg_catalog."C",
    head_seq bigint NOT NULL,
    digest character varying COLLATE pg_catalog."C",
    records integer NOT NULL,
    ingested_at timestamp without time zone,
    problems character varying
);
CREATE TABLE public.target (
    name character varying NOT NULL COLLATE pg_catalog."C",
    url character varying COLLATE pg_catalog."C",
    digest character varying COLLATE pg_catalog."C",
    cursor bigint NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    quarantined_until timestamp without time zone,
    last_error character varying,
    lowered_rate double precision,
    lowered_at timestamp without time zone,
    ran_at timestamp without time zone,
    good_run_at timestamp without time zone,
    group_tables character varying
);
CREATE TABLE public.trouble (
    event character varying NOT NULL COLLATE pg_catalog."C",
    subject character varying NOT NULL COLLATE pg_catalog."C",
    since timestamp without time zone NOT NULL,
    text character varying NOT NULL
);
ALTER TABLE ONLY public.operation ALTER COLUMN id SET DEFAULT nextval('public.operation_id_seq'::regclass);
ALTER TABLE ONLY public.run ALTER COLUMN id SET DEFAULT nextval('public.run_id_seq'::regclass);
INSERT INTO public.alembic_version VALUES ('0005');
INSERT INTO public.hold VALUES ('00003', '2026-03-02 08:00:00');
INSERT INTO public.hold VALUES ('00005', '2026-03-05 09:00:00');
INSERT INTO public.lease VALUES ('source hr', 'hr-server process 4711 0123456789ab-0123abcd', 5, '2026-03-05 09:02:00');
INSERT INTO public.lease VALUES ('target wiki', 'hr-server process 4711 0123456789ab-0123abcd', 5, '2026-03-05 09:02:00');
INSERT INTO public.link VALUES ('wiki', 'user', '00001', 'id-00001', 'active', '{"externalId":"00001","userName":"person1@example.com","name.givenName":"Given1","name.familyName":"Family1","displayName":"Given1 Family1","active":true,"emails[type eq \"work\"].value":"person1@example.com","emails[type eq \"work\"].primary":true,"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department":"IT"}', 'person1@example.com', NULL, false, '2026-03-02 08:00:00', NULL, NULL, 0, NULL, NULL);
INSERT INTO public.link VALUES ('wiki', 'user', '00008', 'id-00008', 'active', '{"externalId":"00008","userName":"person8@example.com","name.givenName":"Given8","name.familyName":"Family8","displayName":"Given8 Family8","active":true,"emails[type eq \"work\"].value":"person8@example.com","emails[type eq \"work\"].primary":true,"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department":"IT"}', 'person8@example.com', NULL, false, '2026-03-02 08:00:00', NULL, NULL, 0, NULL, NULL);
INSERT INTO public.link VALUES ('wiki', 'user', '00007', 'id-00007', 'active', '{"externalId":"00007","userName":"person7@example.com","name.givenName":"Given7","name.familyName":"Family7","displayName":"Given7 Family7","active":true,"emails[type eq \"work\"].value":"person7@example.com","emails[type eq \"work\"].primary":true,"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department":"IT","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value":"id-00008"}', 'person7@example.com', NULL, false, '2026-03-02 08:00:00', NULL, NULL, 0, NULL, NULL);
INSERT INTO public.link VALUES ('wiki', 'user', '00003', 'id-00003', 'inactive', '{"externalId":"00003","userName":"person3@example.com","name.givenName":"Given3","name.familyName":"Family3","displayName":"Given3 Family3","active":false,"emails[type eq \"work\"].value":"person3@example.com","emails[type eq \"work\"].primary":true,"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department":"IT","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value":"id-00001"}', 'person3@example.com', NULL, false, '2026-03-02 09:00:00', '2026-03-02 09:00:00', '2026-04-01 09:00:00', 0, NULL, NULL);
INSERT INTO public.link VALUES ('wiki', 'user', '00006', 'id-00006', 'inactive', '{"externalId":"00006","userName":"person6@example.com","name.givenName":"Given6","name.familyName":"Family6","displayName":"Given6 Family6","active":false,"emails[type eq \"work\"].value":"person6@example.com","emails[type eq \"work\"].primary":true,"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department":"IT"}', 'person6@example.com', NULL, false, '2026-03-03 09:00:00', '2026-03-03 09:00:00', '2026-04-02 09:00:00', 0, NULL, NULL);
INSERT INTO public.link VALUES ('wiki', 'user', '00002', 'id-00002', 'active', '{"externalId":"00002","userName":"person2@example.com","name.givenName":"Given2","name.familyName":"Family2","displayName":"Given2 Family2","active":true,"emails[type eq \"work\"].value":"person2@example.com","emails[type eq \"work\"].primary":true,"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department":"IT","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value":"id-00001"}', 'person2@example.com', NULL, true, '2026-03-02 08:00:00', NULL, NULL, 1, '2026-03-05 09:05:00', 'the account cannot be read: GET /Users/id-00002: 500');
INSERT INTO public.link VALUES ('wiki', 'user', '00004', 'id-00004', 'active', '{"externalId":"00004","userName":"person4@example.com","name.givenName":"Given4","name.familyName":"Family4","displayName":"Given4 Family4","active":true,"emails[type eq \"work\"].value":"person4@example.com","emails[type eq \"work\"].primary":true,"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department":"Sales","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value":"id-00001"}', 'person4@example.com', NULL, false, '2026-03-05 09:00:00', NULL, NULL, 0, NULL, NULL);
INSERT INTO public.link VALUES ('wiki', 'user', '00005', 'id-00005', 'active', '{"externalId":"00005","userName":"person5@example.com","name.givenName":"Given5","name.familyName":"Family5","displayName":"Given5 Family5","active":true,"emails[type eq \"work\"].value":"person5@example.com","emails[type eq \"work\"].primary":true,"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department":"IT"}', 'person5@example.com', NULL, false, '2026-03-02 08:00:00', NULL, NULL, 0, '2026-03-05 09:00:00', NULL);
INSERT INTO public.mark VALUES ('summary', '2026-03-05 09:00:00');
INSERT INTO public.membership VALUES ('chat', 'by-department/IT', 'user', '00001', true, false, true, false, false);
INSERT INTO public.membership VALUES ('chat', 'by-department/IT', 'user', '00002', false, false, true, true, false);
INSERT INTO public.membership VALUES ('chat', 'by-department/IT', 'user', '00009', false, false, false, true, true);
INSERT INTO public.notice VALUES ('msg_019cbd39ae8000000123456789abcdef', 'ops', '{"text": "wiki: 1 account fails"}', '2026-03-05 09:00:00', 0, '2026-03-05 09:00:00', NULL);
INSERT INTO public.operation VALUES (2, 1, 'wiki', 40, 'user', '00002', 'create', 'no account yet', NULL, 'person2@example.com', NULL, NULL, NULL, '[["externalId",null,"00002"],["userName",null,"person2@example.com"],["name.givenName",null,"Given2"],["name.familyName",null,"Family2"],["displayName",null,"Given2 Family2"],["active",null,true],["emails[type eq \"work\"].value",null,"person2@example.com"],["emails[type eq \"work\"].primary",null,true],["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",null,"IT"],["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",null,{"$ref":"00001"}]]', '[{"method":"POST","path":"/Users","body":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"externalId":"00002","userName":"person2@example.com","name":{"givenName":"Given2","familyName":"Family2"},"displayName":"Given2 Family2","active":true,"emails":[{"type":"work","value":"person2@example.com","primary":true}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"IT","manager":{"value":"id-00001"}}}}]', 'applied', 1, NULL, NULL, NULL, '2026-03-02 08:00:00', '2026-03-02 08:00:00', '2026-03-02 08:00:00');
INSERT INTO public.operation VALUES (3, 1, 'wiki', 40, 'user', '00003', 'create', 'no account yet', NULL, 'person3@example.com', NULL, NULL, NULL, '[["externalId",null,"00003"],["userName",null,"person3@example.com"],["name.givenName",null,"Given3"],["name.familyName",null,"Family3"],["displayName",null,"Given3 Family3"],["active",null,true],["emails[type eq \"work\"].value",null,"person3@example.com"],["emails[type eq \"work\"].primary",null,true],["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",null,"IT"],["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",null,{"$ref":"00001"}]]', '[{"method":"POST","path":"/Users","body":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"externalId":"00003","userName":"person3@example.com","name":{"givenName":"Given3","familyName":"Family3"},"displayName":"Given3 Family3","active":true,"emails":[{"type":"work","value":"person3@example.com","primary":true}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"IT","manager":{"value":"id-00001"}}}}]', 'applied', 1, NULL, NULL, NULL, '2026-03-02 08:00:00', '2026-03-02 08:00:00', '2026-03-02 08:00:00');
INSERT INTO public.operation VALUES (4, 1, 'wiki', 40, 'user', '00004', 'create', 'no account yet', NULL, 'person4@example.com', NULL, NULL, NULL, '[["externalId",null,"00004"],["userName",null,"person4@example.com"],["name.givenName",null,"Given4"],["name.familyName",null,"Family4"],["displayName",null,"Given4 Family4"],["active",null,true],["emails[type eq \"work\"].value",null,"person4@example.com"],["emails[type eq \"work\"].primary",null,true],["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",null,"IT"],["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",null,{"$ref":"00001"}]]', '[{"method":"POST","path":"/Users","body":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"externalId":"00004","userName":"person4@example.com","name":{"givenName":"Given4","familyName":"Family4"},"displayName":"Given4 Family4","active":true,"emails":[{"type":"work","value":"person4@example.com","primary":true}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"IT","manager":{"value":"id-00001"}}}}]', 'applied', 1, NULL, NULL, NULL, '2026-03-02 08:00:00', '2026-03-02 08:00:00', '2026-03-02 08:00:00');
INSERT INTO public.operation VALUES (1, 1, 'wiki', 40, 'user', '00001', 'create', 'no account yet', NULL, 'person1@example.com', NULL, NULL, NULL, '[["externalId",null,"00001"],["userName",null,"person1@example.com"],["name.givenName",null,"Given1"],["name.familyName",null,"Family1"],["displayName",null,"Given1 Family1"],["active",null,true],["emails[type eq \"work\"].value",null,"person1@example.com"],["emails[type eq \"work\"].primary",null,true],["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",null,"IT"]]', '[{"method":"POST","path":"/Users","body":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"externalId":"00001","userName":"person1@example.com","name":{"givenName":"Given1","familyName":"Family1"},"displayName":"Given1 Family1","active":true,"emails":[{"type":"work","value":"person1@example.com","primary":true}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"IT"}}}]', 'applied', 1, NULL, NULL, NULL, '2026-03-02 08:00:00', '2026-03-02 08:00:00', '2026-03-02 08:00:00');
INSERT INTO public.operation VALUES (5, 1, 'wiki', 40, 'user', '00005', 'create', 'no account yet', NULL, 'person5@example.com', NULL, NULL, NULL, '[["externalId",null,"00005"],["userName",null,"person5@example.com"],["name.givenName",null,"Given5"],["name.familyName",null,"Family5"],["displayName",null,"Given5 Family5"],["active",null,true],["emails[type eq \"work\"].value",null,"person5@example.com"],["emails[type eq \"work\"].primary",null,true],["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",null,"IT"]]', '[{"method":"POST","path":"/Users","body":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"externalId":"00005","userName":"person5@example.com","name":{"givenName":"Given5","familyName":"Family5"},"displayName":"Given5 Family5","active":true,"emails":[{"type":"work","value":"person5@example.com","primary":true}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"IT"}}}]', 'applied', 1, NULL, NULL, NULL, '2026-03-02 08:00:00', '2026-03-02 08:00:00', '2026-03-02 08:00:00');
INSERT INTO public.operation VALUES (6, 1, 'wiki', 40, 'user', '00006', 'create', 'no account yet', NULL, 'person6@example.com', NULL, NULL, NULL, '[["externalId",null,"00006"],["userName",null,"person6@example.com"],["name.givenName",null,"Given6"],["name.familyName",null,"Family6"],["displayName",null,"Given6 Family6"],["active",null,true],["emails[type eq \"work\"].value",null,"person6@example.com"],["emails[type eq \"work\"].primary",null,true],["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",null,"IT"]]', '[{"method":"POST","path":"/Users","body":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"externalId":"00006","userName":"person6@example.com","name":{"givenName":"Given6","familyName":"Family6"},"displayName":"Given6 Family6","active":true,"emails":[{"type":"work","value":"person6@example.com","primary":true}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"IT"}}}]', 'applied', 1, NULL, NULL, NULL, '2026-03-02 08:00:00', '2026-03-02 08:00:00', '2026-03-02 08:00:00');
INSERT INTO public.operation VALUES (8, 1, 'wiki', 40, 'user', '00008', 'create', 'no account yet', NULL, 'person8@example.com', NULL, NULL, NULL, '[["externalId",null,"00008"],["userName",null,"person8@example.com"],["name.givenName",null,"Given8"],["name.familyName",null,"Family8"],["displayName",null,"Given8 Family8"],["active",null,true],["emails[type eq \"work\"].value",null,"person8@example.com"],["emails[type eq \"work\"].primary",null,true],["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",null,"IT"]]', '[{"method":"POST","path":"/Users","body":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"externalId":"00008","userName":"person8@example.com","name":{"givenName":"Given8","familyName":"Family8"},"displayName":"Given8 Family8","active":true,"emails":[{"type":"work","value":"person8@example.com","primary":true}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"IT"}}}]', 'applied', 1, NULL, NULL, NULL, '2026-03-02 08:00:00', '2026-03-02 08:00:00', '2026-03-02 08:00:00');
INSERT INTO public.operation VALUES (7, 1, 'wiki', 40, 'user', '00007', 'create', 'no account yet', NULL, 'person7@example.com', NULL, NULL, NULL, '[["externalId",null,"00007"],["userName",null,"person7@example.com"],["name.givenName",null,"Given7"],["name.familyName",null,"Family7"],["displayName",null,"Given7 Family7"],["active",null,true],["emails[type eq \"work\"].value",null,"person7@example.com"],["emails[type eq \"work\"].primary",null,true],["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",null,"IT"],["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",null,{"$ref":"00008"}]]', '[{"method":"POST","path":"/Users","body":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"externalId":"00007","userName":"person7@example.com","name":{"givenName":"Given7","familyName":"Family7"},"displayName":"Given7 Family7","active":true,"emails":[{"type":"work","value":"person7@example.com","primary":true}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"IT","manager":{"value":"id-00008"}}}}]', 'applied', 1, NULL, NULL, NULL, '2026-03-02 08:00:00', '2026-03-02 08:00:00', '2026-03-02 08:00:00');
INSERT INTO public.operation VALUES (9, 2, 'wiki', 10, 'user', '00003', 'deactivate', 'deprovisioned by hand on 2026-03-02', 'id-00003', NULL, NULL, '2026-04-01 09:00:00', NULL, '[["active",true,false]]', '[{"method":"PATCH","path":"/Users/id-00003","body":{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"active","value":false}]}}]', 'applied', 1, NULL, NULL, NULL, '2026-03-02 09:00:00', '2026-03-02 09:00:00', '2026-03-02 09:00:00');
INSERT INTO public.operation VALUES (11, 3, 'wiki', 10, 'user', '00006', 'deactivate', 'no longer in the source', 'id-00006', NULL, NULL, '2026-04-02 09:00:00', NULL, '[["active",true,false]]', '[{"method":"PATCH","path":"/Users/id-00006","body":{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"active","value":false}]}}]', 'applied', 1, NULL, NULL, NULL, '2026-03-03 09:00:00', '2026-03-03 09:00:00', '2026-03-03 09:00:00');
INSERT INTO public.operation VALUES (10, 3, 'wiki', 30, 'user', '00004', 'update', 'department changed', 'id-00004', NULL, NULL, NULL, NULL, '[["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","IT","Sales"]]', '[{"method":"PATCH","path":"/Users/id-00004","body":{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"Sales"}]}}]', 'failed', 1, 400, NULL, 'PATCH /Users/id-00004: 400', '2026-03-03 09:00:00', '2026-03-03 09:00:00', '2026-03-03 09:00:00');
INSERT INTO public.operation VALUES (12, 4, 'wiki', 30, 'user', '00002', 'update', 'department changed', 'id-00002', NULL, NULL, NULL, NULL, '[["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","IT","Legal"]]', '[{"method":"PATCH","path":"/Users/id-00002","body":{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"Legal"}]}}]', 'skipped', 0, NULL, NULL, 'its run ended before an answer came', '2026-03-04 09:00:00', '2026-03-04 09:00:00', '2026-03-05 09:00:00');
INSERT INTO public.operation VALUES (13, 4, 'wiki', 30, 'user', '00004', 'update', 'department changed', 'id-00004', NULL, NULL, NULL, NULL, '[["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","IT","Sales"]]', '[{"method":"PATCH","path":"/Users/id-00004","body":{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"Sales"}]}}]', 'skipped', 0, NULL, NULL, 'its run ended before an answer came', '2026-03-04 09:00:00', '2026-03-04 09:00:00', '2026-03-05 09:00:00');
INSERT INTO public.operation VALUES (14, 5, 'wiki', 30, 'user', '00002', 'update', 'could not be planned', 'id-00002', NULL, NULL, NULL, NULL, '[]', NULL, 'failed', 0, NULL, NULL, 'the account cannot be read: GET /Users/id-00002: 500', '2026-03-05 09:00:00', NULL, '2026-03-05 09:00:00');
INSERT INTO public.operation VALUES (16, 5, 'wiki', 50, 'user', '00007', 'update', 'manager.value changed', 'id-00007', NULL, NULL, NULL, NULL, '[["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value","id-00008",{"$ref":"00011"}]]', '[{"method":"PATCH","path":"/Users/id-00007","body":{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value","value":"(id of 00011)"}]}}]', 'planned', 0, NULL, NULL, NULL, '2026-03-05 09:00:00', NULL, NULL);
INSERT INTO public.operation VALUES (15, 5, 'wiki', 30, 'user', '00004', 'update', 'department changed', 'id-00004', NULL, NULL, NULL, '{"externalId":"00004","userName":"person4@example.com","name.givenName":"Given4","name.familyName":"Family4","displayName":"Given4 Family4","active":true,"emails[type eq \"work\"].value":"person4@example.com","emails[type eq \"work\"].primary":true,"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department":"IT","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value":"id-00001"}', '[["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","IT","Sales"]]', '[{"method":"PATCH","path":"/Users/id-00004","body":{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"Sales"}]}}]', 'applied', 1, NULL, NULL, NULL, '2026-03-05 09:00:00', '2026-03-05 09:00:00', '2026-03-05 09:00:00');
INSERT INTO public.operation VALUES (18, 5, 'wiki', 40, 'user', '00010', 'create', 'no account yet', NULL, 'person10@example.com', NULL, NULL, NULL, '[["externalId",null,"00010"],["userName",null,"person10@example.com"],["name.givenName",null,"Given10"],["name.familyName",null,"Family10"],["displayName",null,"Given10 Family10"],["active",null,true],["emails[type eq \"work\"].value",null,"person10@example.com"],["emails[type eq \"work\"].primary",null,true],["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",null,"IT"],["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",null,{"$ref":"00009"}]]', '[{"method":"POST","path":"/Users","body":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"externalId":"00010","userName":"person10@example.com","name":{"givenName":"Given10","familyName":"Family10"},"displayName":"Given10 Family10","active":true,"emails":[{"type":"work","value":"person10@example.com","primary":true}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"IT","manager":{"value":"(id of 00009)"}}}}]', 'planned', 0, NULL, NULL, NULL, '2026-03-05 09:00:00', NULL, NULL);
INSERT INTO public.operation VALUES (19, 5, 'wiki', 40, 'user', '00011', 'create', 'no account yet', NULL, 'person11@example.com', NULL, NULL, NULL, '[["externalId",null,"00011"],["userName",null,"person11@example.com"],["name.givenName",null,"Given11"],["name.familyName",null,"Family11"],["displayName",null,"Given11 Family11"],["active",null,true],["emails[type eq \"work\"].value",null,"person11@example.com"],["emails[type eq \"work\"].primary",null,true],["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",null,"IT"],["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",null,{"$ref":"00010"}]]', '[{"method":"POST","path":"/Users","body":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"externalId":"00011","userName":"person11@example.com","name":{"givenName":"Given11","familyName":"Family11"},"displayName":"Given11 Family11","active":true,"emails":[{"type":"work","value":"person11@example.com","primary":true}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"IT","manager":{"value":"(id of 00010)"}}}}]', 'planned', 0, NULL, NULL, NULL, '2026-03-05 09:00:00', NULL, NULL);
INSERT INTO public.operation VALUES (17, 5, 'wiki', 40, 'user', '00009', 'create', 'no account yet', NULL, 'person9@example.com', NULL, NULL, NULL, '[["externalId",null,"00009"],["userName",null,"person9@example.com"],["name.givenName",null,"Given9"],["name.familyName",null,"Family9"],["displayName",null,"Given9 Family9"],["active",null,true],["emails[type eq \"work\"].value",null,"person9@example.com"],["emails[type eq \"work\"].primary",null,true],["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",null,"IT"],["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",null,"id-00001"]]', '[{"method":"POST","path":"/Users","body":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"externalId":"00009","userName":"person9@example.com","name":{"givenName":"Given9","familyName":"Family9"},"displayName":"Given9 Family9","active":true,"emails":[{"type":"work","value":"person9@example.com","primary":true}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"IT","manager":{"value":"id-00001"}}}}]', 'sent', 0, NULL, NULL, NULL, '2026-03-05 09:00:00', '2026-03-05 09:00:00', NULL);
INSERT INTO public.record VALUES ('hr', '00001', 1, '{"id":"00001","dept":"IT","email":"Person1@example.com","family":"Family1","given":"Given1","manager":""}', NULL);
INSERT INTO public.record VALUES ('hr', '00003', 3, '{"id":"00003","dept":"IT","email":"Person3@example.com","family":"Family3","given":"Given3","manager":"00001"}', NULL);
INSERT INTO public.record VALUES ('hr', '00005', 5, '{"id":"00005","dept":"IT","email":"Person5@example.com","family":"Family5","given":"Given5","manager":""}', NULL);
INSERT INTO public.record VALUES ('hr', '00008', 8, '{"id":"00008","dept":"IT","email":"Person8@example.com","family":"Family8","given":"Given8","manager":""}', NULL);
INSERT INTO public.record VALUES ('hr', '00004', 9, '{"id":"00004","dept":"Sales","email":"Person4@example.com","family":"Family4","given":"Given4","manager":"00001"}', NULL);
INSERT INTO public.record VALUES ('hr', '00006', 10, '{"id":"00006","dept":"IT","email":"Person6@example.com","family":"Family6","given":"Given6","manager":""}', '2026-03-03 09:00:00');
INSERT INTO public.record VALUES ('hr', '00002', 11, '{"id":"00002","dept":"Legal","email":"Person2@example.com","family":"Family2","given":"Given2","manager":"00001"}', NULL);
INSERT INTO public.record VALUES ('hr', '00007', 12, '{"id":"00007","dept":"IT","email":"Person7@example.com","family":"Family7","given":"Given7","manager":"00011"}', NULL);
INSERT INTO public.record VALUES ('hr', '00009', 13, '{"id":"00009","dept":"IT","email":"Person9@example.com","family":"Family9","given":"Given9","manager":"00001"}', NULL);
INSERT INTO public.record VALUES ('hr', '00010', 14, '{"id":"00010","dept":"IT","email":"Person10@example.com","family":"Family10","given":"Given10","manager":"00009"}', NULL);
INSERT INTO public.record VALUES ('hr', '00011', 15, '{"id":"00011","dept":"IT","email":"Person11@example.com","family":"Family11","given":"Given11","manager":"00010"}', NULL);
INSERT INTO public.reference VALUES ('wiki', 'user', '00002', 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value', '00001', 'id-00001');
INSERT INTO public.reference VALUES ('wiki', 'user', '00004', 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value', '00001', 'id-00001');
INSERT INTO public.reference VALUES ('wiki', 'user', '00007', 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value', '00011', 'id-00008');
INSERT INTO public.reference VALUES ('wiki', 'user', '00009', 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value', '00001', NULL);
INSERT INTO public.reference VALUES ('wiki', 'user', '00010', 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value', '00009', NULL);
INSERT INTO public.reference VALUES ('wiki', 'user', '00011', 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value', '00010', NULL);
INSERT INTO public.replaced_membership VALUES ('chat', 'by-department/IT', 'user', '00001', NULL, NULL, NULL, NULL);
INSERT INTO public.run VALUES (1, 'push', '2026-03-02 08:00:00', '2026-03-02 08:00:00', 'done', NULL, '{"wiki":{"counts":{"create":8},"failed":0,"requests":9,"seconds":0.198,"error":null}}');
INSERT INTO public.run VALUES (2, 'push', '2026-03-02 09:00:00', '2026-03-02 09:00:00', 'done', NULL, '{"wiki":{"counts":{"deactivate":1},"failed":0,"requests":1,"seconds":0.155,"error":null}}');
INSERT INTO public.run VALUES (3, 'push', '2026-03-03 09:00:00', '2026-03-03 09:00:00', 'failed', NULL, '{"wiki":{"counts":{"deactivate":1},"failed":1,"requests":2,"seconds":0.379,"error":null}}');
INSERT INTO public.run VALUES (4, 'push', '2026-03-04 09:00:00', NULL, 'running', NULL, NULL);
INSERT INTO public.run VALUES (5, 'push', '2026-03-05 09:00:00', NULL, 'running', NULL, NULL);
INSERT INTO public.source VALUES ('hr', 15, '543:10:396e84fc4ea6a7d2:26747b6cc5f03b9b80126a7b728280f30a52b413', 10, '2026-03-05 09:00:00', '[]');
INSERT INTO public.target VALUES ('wiki', 'http://127.0.0.1:1/v2', '490bc704c80c5213a0766f739571e901', 15, 0, NULL, NULL, NULL, NULL, '2026-03-03 09:00:00', '2026-03-03 09:00:00', '{}');
INSERT INTO public.trouble VALUES ('failures', 'wiki', '2026-03-05 09:00:00', 'wiki: 1 account fails');
SELECT pg_catalog.setval('public.operation_id_seq', 19, true);
SELECT pg_catalog.setval('public.run_id_seq', 5, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.hold
    ADD CONSTRAINT hold_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.lease
    ADD CONSTRAINT lease_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.link
    ADD CONSTRAINT link_pkey PRIMARY KEY (target, kind, key);
ALTER TABLE ONLY public.mark
    ADD CONSTRAINT mark_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.membership
    ADD CONSTRAINT membership_pkey PRIMARY KEY (target, group_key, member_kind, member_key);
ALTER TABLE ONLY public.notice
    ADD CONSTRAINT notice_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.operation
    ADD CONSTRAINT operation_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.record
    ADD CONSTRAINT record_pkey PRIMARY KEY (source, key);
ALTER TABLE ONLY public.reference
    ADD CONSTRAINT reference_pkey PRIMARY KEY (target, kind, key, path);
ALTER TABLE ONLY public.replaced_membership
    ADD CONSTRAINT replaced_membership_pkey PRIMARY KEY (target, group_key, member_kind, member_key);
ALTER TABLE ONLY public.replaced
    ADD CONSTRAINT replaced_pkey PRIMARY KEY (source, key);
ALTER TABLE ONLY public.run
    ADD CONSTRAINT run_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.source
    ADD CONSTRAINT source_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.target
    ADD CONSTRAINT target_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.trouble
    ADD CONSTRAINT trouble_pkey PRIMARY KEY (event, subject);
CREATE INDEX ix_link_delete_after ON public.link USING btree (target, delete_after);
CREATE INDEX ix_link_next_try_at ON public.link USING btree (target, next_try_at);
CREATE INDEX ix_link_remote_id ON public.link USING btree (target, kind, remote_id);
CREATE INDEX ix_link_status ON public.link USING btree (target, kind, status);
CREATE INDEX ix_link_unique_name ON public.link USING btree (target, kind, unique_name);
CREATE INDEX ix_membership_due ON public.membership USING btree (target, due, group_key);
CREATE INDEX ix_membership_member ON public.membership USING btree (target, member_kind, member_key);
CREATE INDEX ix_notice_next_try_at ON public.notice USING btree (next_try_at);
CREATE INDEX ix_operation_key ON public.operation USING btree (key, target);
CREATE INDEX ix_operation_open ON public.operation USING btree (target, status);
CREATE INDEX ix_operation_unique_name ON public.operation USING btree (run_id, target, unique_name);
CREATE INDEX ix_operation_work ON public.operation USING btree (run_id, target, status, phase, id);
CREATE INDEX ix_record_source_seq ON public.record USING btree (source, seq);
CREATE INDEX ix_reference_ref_key ON public.reference USING btree (target, ref_key);
